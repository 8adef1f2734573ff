import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from bench.checkpoints import write_checkpoint
from bench.single_text import longest_request, measure
from export.exporter import ExportRequest, export_checkpoint
from model_directory.integrity import open_version
from service.registry import load_model


def exported(tmp_path: Path, labels: tuple[str, ...] | None) -> Path:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=labels)
    request = ExportRequest(checkpoint, "tiny", tmp_path / "models")
    return export_checkpoint(request, lambda stage, done=0, of=0: None).directory


@pytest.mark.parametrize("labels", [("bad", "good"), None])
def test_a_text_of_the_asked_length_is_timed(
    tmp_path: Path, labels: tuple[str, ...] | None
) -> None:
    model = load_model(open_version(exported(tmp_path, labels)), time.perf_counter())
    request, length = longest_request(model, 32)
    assert length == 32
    taken = measure(model, request, 5)
    assert len(taken.whole) == len(taken.graph) == len(taken.processor) == 5
    assert all(0 < part < whole for part, whole in zip(taken.graph, taken.whole, strict=True))
    assert all(seconds > 0 for seconds in taken.processor)
    with pytest.raises(typer.BadParameter, match="too few"):
        longest_request(model, 2)


def test_the_command_says_what_it_measured(tmp_path: Path) -> None:
    model = str(exported(tmp_path, ("bad", "good")))
    arguments = [sys.executable, "-m", "bench.single_text", model, "--repeats", "3"]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert "tiny, 32 tokens, text to answer: median" in said
    assert "processor time: median" in said
    assert "of 3 runs on one thread" in said
