import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from bench.checkpoints import TINY, random_tensors, write_checkpoint, write_tensors
from export import exporter
from export.errors import ExportRefusedError
from export.exporter import ExportReport, ExportRequest, export_checkpoint
from export.graph import build_graph
from model_directory.catalogue import list_models
from model_directory.integrity import open_version
from model_directory.manifest import Precision, ProblemType, Task
from tests.export.albert_reference import AlbertReference, train
from tests.export.conftest import silent


def refusal(request: ExportRequest) -> str:
    """What an export is refused with; nothing new may lie anywhere near its output."""
    before = sorted(request.output.parent.rglob("*"))
    with pytest.raises(ExportRefusedError) as caught:
        export_checkpoint(request, silent)
    assert sorted(request.output.parent.rglob("*")) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_export_is_a_directory_that_the_service_opens(
    exported: ExportReport, checkpoint: Path
) -> None:
    version = open_version(exported.directory)
    manifest = version.manifest
    assert manifest == exported.manifest
    assert (manifest.name, manifest.version) == ("polarity", 1)
    assert manifest.labels == ("NEGATIVE", "POSITIVE")
    assert manifest.problem_type is ProblemType.SINGLE_LABEL
    assert manifest.max_tokens == 64
    assert manifest.precision == "fp32"
    assert manifest.source == "tiny"
    assert manifest.licence == "not stated"
    assert manifest.architecture.hidden_act == "gelu_new"
    assert manifest.architecture.parameters == sum(
        tensor.size for tensor in random_tensors(TINY, 2).values()
    )
    assert manifest.parity.max_logit_difference <= manifest.parity.limit == 1e-4
    assert version.tokenizer == (checkpoint / "tokenizer.json").read_bytes()
    assert sorted(path.name for path in exported.directory.iterdir()) == [
        "README.md",
        "manifest.json",
        "model.onnx",
        "tokenizer.json",
    ]


def test_the_file_is_hardly_larger_than_the_checkpoint(exported: ExportReport) -> None:
    assert exported.model_bytes <= 1.05 * exported.checkpoint_bytes + 2_000


NOT_UTF_8 = os.fsdecode(b"b\xffd")


@pytest.mark.parametrize("what", ["source", "licence", "calibration", "checkpoint"])
def test_what_is_not_utf_8_is_refused_before_anything_is_computed(
    what: str, checkpoint: Path, tmp_path: Path
) -> None:
    request = ExportRequest(checkpoint, "polarity", tmp_path / "models", precision=Precision.FP16)
    changed: Any = NOT_UTF_8
    if what == "checkpoint":
        changed = Path(shutil.copytree(checkpoint, tmp_path / NOT_UTF_8))
    elif what == "calibration":
        changed = tmp_path / NOT_UTF_8
        changed.write_text("a text")
    stages: list[str] = []
    with pytest.raises(ExportRefusedError, match="is not UTF-8: 'b") as caught:
        export_checkpoint(
            dataclasses.replace(request, **{what: changed}), lambda stage, *_: stages.append(stage)
        )
    assert stages == []
    str(caught.value).encode()


def test_a_checkpoint_whose_directory_is_not_utf_8_can_be_from_somewhere(
    checkpoint: Path, tmp_path: Path
) -> None:
    odd = Path(shutil.copytree(checkpoint, tmp_path / NOT_UTF_8))
    request = ExportRequest(odd, "polarity", tmp_path / "models", source="a test")
    assert export_checkpoint(request, silent).manifest.source == "a test"


def test_versions_count_up(checkpoint: Path, tmp_path: Path) -> None:
    request = ExportRequest(checkpoint, "polarity", tmp_path)
    graphs = set()
    for version in (1, 2):
        report = export_checkpoint(request, silent)
        assert report.manifest.version == version
        graphs.add((report.directory / "model.onnx").read_bytes())
    assert len(graphs) == 1  # two exports of one checkpoint are the same graph
    assert [entry.version for entry in list_models(tmp_path)] == [2]


def test_question_answering_has_neither_labels_nor_problem_type(tmp_path: Path) -> None:
    directory = write_checkpoint(tmp_path / "qa", labels=None)
    report = export_checkpoint(ExportRequest(directory, "spans", tmp_path / "models"), silent)
    assert report.manifest.task is Task.QUESTION_ANSWERING
    assert report.manifest.labels == ()


def test_a_vocabulary_of_sentencepiece_becomes_a_tokenizer(tmp_path: Path) -> None:
    model, shape = train(), dataclasses.replace(TINY, vocab_size=400)
    directory = write_checkpoint(tmp_path / "c", shape=shape)
    (directory / "tokenizer.json").unlink()
    (directory / "spiece.model").write_bytes(model)
    (directory / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    report = export_checkpoint(ExportRequest(directory, "model", tmp_path / "models"), silent)
    assert report.manifest.tokenizer.model_dump() == {
        "cls_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "unk_token_id": 1,
        "vocab_size": 400,
        "lower_case": False,
    }
    served = Tokenizer.from_buffer(open_version(report.directory).tokenizer)
    reference = AlbertReference(model, do_lower_case=False)
    text = "About 20,500 men: ``it''s'' (a-b) Licence."
    assert served.encode(text, add_special_tokens=False).ids == reference.ids(text)


def test_half_precision_is_written_as_fp32_and_said_so(tmp_path: Path) -> None:
    directory = write_checkpoint(tmp_path / "half", dtype=np.float16)
    report = export_checkpoint(ExportRequest(directory, "half", tmp_path / "models"), silent)
    assert report.checkpoint_dtypes == ("F16",)
    assert report.manifest.parity.max_logit_difference < 1e-5


@pytest.mark.parametrize(
    ("labels", "asked", "chosen"),
    [
        (("NEGATIVE", "POSITIVE"), None, Task.SENTIMENT),
        (("negative", "neutral", "positive"), None, Task.SENTIMENT),
        (("World", "Sports"), None, Task.CLASSIFICATION),
        (("World", "Sports"), Task.SENTIMENT, Task.SENTIMENT),
        (("NEGATIVE", "POSITIVE"), Task.CLASSIFICATION, Task.CLASSIFICATION),
        (None, None, Task.QUESTION_ANSWERING),
        (None, Task.QUESTION_ANSWERING, Task.QUESTION_ANSWERING),
    ],
)
def test_the_task_is_what_was_asked_or_what_the_checkpoint_shows(
    labels: tuple[str, ...] | None, asked: Task | None, chosen: Task, tmp_path: Path
) -> None:
    directory = write_checkpoint(tmp_path / "c", labels=labels)
    request = ExportRequest(directory, "model", tmp_path / "models", task=asked)
    assert export_checkpoint(request, silent).manifest.task is chosen


@pytest.mark.parametrize(
    ("labels", "asked", "reason"),
    [
        (None, Task.SENTIMENT, "cannot do sentiment"),
        (("a", "b"), Task.QUESTION_ANSWERING, "cannot answer questions"),
    ],
)
def test_a_task_that_the_head_cannot_do_is_refused(
    labels: tuple[str, ...] | None, asked: Task, reason: str, tmp_path: Path
) -> None:
    directory = write_checkpoint(tmp_path / "c", labels=labels)
    request = ExportRequest(directory, "model", tmp_path / "models", task=asked)
    assert reason in refusal(request)


def test_texts_card_source_and_licence_are_taken(checkpoint: Path, tmp_path: Path) -> None:
    sample, card = tmp_path / "sample.txt", tmp_path / "card.md"
    sample.write_text("the film was good\nwhere is the city of london\n")
    card.write_text("For reviews of films.")
    request = ExportRequest(
        checkpoint,
        "polarity",
        tmp_path / "models",
        sample=sample,
        card=card,
        source="trained here",
        licence="Apache-2.0",
    )
    report = export_checkpoint(request, silent)
    assert (report.manifest.source, report.manifest.licence) == ("trained here", "Apache-2.0")
    text = (report.directory / "README.md").read_text()
    assert "For reviews of films." in text
    assert "trained here" in text


def test_figures_are_taken_when_they_are_of_this_graph(
    exported: ExportReport, checkpoint: Path, tmp_path: Path
) -> None:
    figure = {"dataset": "set", "metric": "accuracy", "value": 0.5, "examples": 10}
    graph = (exported.directory / "model.onnx").read_bytes()
    evaluation = tmp_path / "evaluation.json"
    content = {"model_sha256": hashlib.sha256(graph).hexdigest(), "figures": [figure]}
    evaluation.write_text(json.dumps(content))
    request = ExportRequest(checkpoint, "polarity", tmp_path / "models", evaluation=evaluation)
    report = export_checkpoint(request, silent)
    assert report.manifest.evaluation[0].value == 0.5

    evaluation.write_text(json.dumps(content | {"model_sha256": "0" * 64}))
    assert "figures of another graph" in refusal(request)


def as_bert(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    config |= {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
    (directory / "config.json").write_text(json.dumps(config))


def truncated(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def with_nan(directory: Path) -> None:
    tensors = random_tensors(TINY, 2)
    tensors["albert.pooler.weight"][0, 0] = np.nan
    write_tensors(directory, tensors)


def without_pooler(directory: Path) -> None:
    tensors = random_tensors(TINY, 2)
    write_tensors(directory, {name: held for name, held in tensors.items() if "pooler" not in name})


def with_decoder(directory: Path) -> None:
    write_tensors(directory, random_tensors(TINY, 2) | {"extra": np.zeros(2, np.float32)})


def with_more_labels(directory: Path) -> None:
    write_tensors(directory, random_tensors(TINY, 3))


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (as_bert, "only 'albert' can be exported"),
        (truncated, "model.safetensors is truncated"),
        (with_nan, "'albert.pooler.weight' holds NaN"),
        (without_pooler, "'albert.pooler.weight' is missing"),
        (with_decoder, "'extra' is not part of"),
        (with_more_labels, "'classifier.weight' has shape [3, 32], config.json asks for [2, 32]"),
        (lambda d: (d / "tokenizer.json").write_text("{}"), "tokenizer.json cannot be loaded"),
    ],
)
def test_a_broken_checkpoint_leaves_nothing(
    break_it: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    directory = write_checkpoint(tmp_path / "checkpoint")
    break_it(directory)
    assert reason in refusal(ExportRequest(directory, "model", tmp_path / "new" / "models"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "Upper", ".hidden", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused(name: str, checkpoint: Path, tmp_path: Path) -> None:
    assert "cannot name a model" in refusal(ExportRequest(checkpoint, name, tmp_path / "models"))


def test_a_version_that_exists_is_refused_before_anything_is_read(exported: ExportReport) -> None:
    models = exported.directory.parent.parent
    request = ExportRequest(Path("no such checkpoint"), "polarity", models, version=1)
    assert "exists already" in refusal(request)


def test_an_empty_sample_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    request = ExportRequest(checkpoint, "model", tmp_path / "models", sample=tmp_path / "empty.txt")
    assert "holds no text" in refusal(request)


def test_a_graph_that_fails_its_gate_leaves_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slightly_wrong(config: Any, weights: Any) -> bytes:
        tensors = dict(weights.tensors)
        tensors["classifier.bias"] = tensors["classifier.bias"] + np.float32(2e-4)
        return build_graph(config, dataclasses.replace(weights, tensors=tensors))

    monkeypatch.setattr(exporter, "build_graph", slightly_wrong)
    message = refusal(ExportRequest(checkpoint, "model", tmp_path / "models"))
    assert "differs from the reference by 0.0002" in message
