"""A manifest that contradicts its graph is refused, and a right one costs next to nothing."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from bench.checkpoints import write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.errors import ModelDirectoryError
from model_directory.integrity import open_version
from model_directory.manifest import Precision
from service.graph_check import check_graph
from service.registry import Registry, load_model
from service.runtime.session import Session
from tests.model_directory.version_directory import change_manifest, replace_file

POSITIONS = 64
CLASSIFIER = {
    "task": "sentiment",
    "labels": ["a", "b"],
    "problem_type": "single_label_classification",
}
QUESTION_ANSWERING = {"task": "question-answering", "labels": [], "problem_type": None}
TENSOR = "albert.embeddings.position_embeddings.weight"


class CountingSession(Session):
    """Remembers how long the rows of its runs were."""

    lengths: list[int]

    def run(self, rows: Any, **options: Any) -> Any:
        self.lengths.extend(row.length for row in rows)
        return super().run(rows, **options)


def exported(
    home: Path, labels: tuple[str, ...] | None, precision: Precision = Precision.FP32
) -> Path:
    source = write_checkpoint(home / "checkpoint", labels=labels)
    request = ExportRequest(source, "m", home / "models", precision=precision)
    return export_checkpoint(request, lambda *_: None).directory


def refusal(directory: Path) -> str:
    with pytest.raises(ModelDirectoryError) as caught:
        load_model(open_version(directory), 0.0)
    message = str(caught.value)
    assert message.startswith("m/1: ")
    assert "\n" not in message
    return message


def lengths_of_check(directory: Path) -> list[int]:
    version = open_version(directory)
    session = CountingSession(version.model, pad_token_id=0)
    session.lengths = []
    check_graph(version, session)
    return session.lengths


def change(directory: Path, part: str, **changes: Any) -> None:
    held = json.loads((directory / "manifest.json").read_text())[part]
    change_manifest(directory, **{part: held | changes})


def rename_positions(directory: Path) -> None:
    """Have the graph not tell how many positions it has."""
    model = onnx.load(directory / "model.onnx")
    for initializer in model.graph.initializer:
        if initializer.name == TENSOR:
            initializer.name = "other"
    for node in model.graph.node:
        node.input[:] = ["other" if name == TENSOR else name for name in node.input]
    replace_file(directory, "model.onnx", model.SerializeToString())


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("labels", [("a", "b"), None])
def test_a_right_manifest_costs_a_run_of_four_tokens(
    precision: Precision, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    assert lengths_of_check(exported(tmp_path, labels, precision)) == [4]


@pytest.mark.parametrize(
    ("labels", "changes", "reason"),
    [
        (
            ("a", "b"),
            {"labels": ["a"]},
            "number of logits is 2, and that of labels in manifest.json is 1",
        ),
        (("a", "b"), {"labels": ["a", "b", "c"]}, "that of labels in manifest.json is 3"),
        (("a", "b"), QUESTION_ANSWERING, "the graph gives 'logits', and a question-answering"),
        (None, CLASSIFIER, "the graph gives 'start_logits' and 'end_logits', and a sentiment"),
    ],
)
def test_a_task_or_labels_that_the_graph_does_not_have_are_refused(
    labels: tuple[str, ...] | None, changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    directory = exported(tmp_path, labels)
    change_manifest(directory, **changes)
    assert reason in refusal(directory)


@pytest.mark.parametrize("tells", [True, False])
def test_an_input_longer_than_the_graph_takes_is_refused(tells: bool, tmp_path: Path) -> None:
    directory = exported(tmp_path, ("a", "b"))
    if not tells:
        rename_positions(directory)
        assert lengths_of_check(directory) == [4, POSITIONS]
    change_manifest(directory, max_tokens=POSITIONS + 1)
    change(directory, "architecture", max_position_embeddings=POSITIONS + 1)
    reason = refusal(directory)
    if tells:
        assert f"has {POSITIONS} positions, and max_tokens in manifest.json is 65" in reason
    else:
        assert "does not run 65 tokens, the max_tokens in manifest.json" in reason


@pytest.mark.parametrize("token", ["cls", "sep", "pad", "unk"])
def test_a_special_token_that_the_graph_does_not_know_is_refused(
    token: str, tmp_path: Path
) -> None:
    directory = exported(tmp_path, ("a", "b"))
    change(directory, "tokenizer", **{f"{token}_token_id": 160})
    assert "does not run the special tokens in manifest.json" in refusal(directory)


def test_the_reason_is_that_of_the_failed_model(tmp_path: Path) -> None:
    directory = exported(tmp_path, ("a", "b"))
    change_manifest(directory, labels=["a"])
    registry = Registry({})
    registry.load(directory.parents[1])
    [failed] = registry.failed
    assert failed.reason.startswith("m/1: the number of logits is 2")
