import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.checkpoints import write_checkpoint
from export.check import check_version
from export.checkpoint import read_checkpoint
from export.errors import ExportRefusedError
from export.exporter import ExportReport
from export.graph import build_graph
from export.weights import Weights
from tests.model_directory.version_directory import panicking, replace_file


@pytest.fixture
def directory(exported: ExportReport, tmp_path: Path) -> Path:
    copy = tmp_path / "polarity" / "1"
    shutil.copytree(exported.directory, copy)
    return copy


def with_graph(directory: Path, graph: bytes) -> None:
    """Put another graph in, under a manifest that agrees with it."""
    replace_file(directory, "model.onnx", graph)


def refusal(directory: Path) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        check_version(directory)
    message = str(caught.value)
    assert message.startswith("polarity/1: ")
    assert "\n" not in message
    return message


def test_what_was_exported_passes(directory: Path, exported: ExportReport) -> None:
    assert check_version(directory) == exported.manifest


def test_a_question_answering_export_passes(directory: Path, tmp_path: Path) -> None:
    qa = read_checkpoint(write_checkpoint(tmp_path / "qa", labels=None))
    with_graph(directory, build_graph(qa.config, qa.weights))
    assert "other inputs or outputs than its task" in refusal(directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest |= {"task": "question-answering", "labels": [], "problem_type": None}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    assert check_version(directory).labels == ()


def test_a_changed_file_is_refused(directory: Path) -> None:
    (directory / "README.md").write_text("something else")
    assert "README.md" in refusal(directory)


def test_a_graph_that_cannot_be_loaded_is_refused(directory: Path) -> None:
    with_graph(directory, b"")
    assert "it does not run" in refusal(directory)


def test_a_tokenizer_that_panics_is_refused(directory: Path) -> None:
    replace_file(directory, "tokenizer.json", panicking(directory))
    assert "it does not run" in refusal(directory)


def test_a_graph_of_another_head_is_refused(directory: Path, tmp_path: Path) -> None:
    three = read_checkpoint(write_checkpoint(tmp_path / "three", labels=("a", "b", "c")))
    with_graph(directory, build_graph(three.config, three.weights))
    assert "one logit for each label" in refusal(directory)


def test_a_graph_whose_logits_are_not_finite_is_refused(directory: Path, checkpoint: Path) -> None:
    tiny = read_checkpoint(checkpoint)
    tensors = {name: tensor * np.float32(1e37) for name, tensor in tiny.weights.tensors.items()}
    with_graph(directory, build_graph(tiny.config, Weights(tensors)))
    assert "not finite" in refusal(directory)
