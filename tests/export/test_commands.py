import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.checkpoints import Shape, write_checkpoint
from export import commands
from export.exporter import ExportReport
from model_directory.catalogue import list_models

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The command line takes over the signals of its process; a test gives them back."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    hook = sys.excepthook
    yield
    sys.excepthook = hook
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def export(checkpoint: Path, models: Path, *more: str) -> int:
    return commands.run([str(checkpoint), "--name", "polarity", "--output", str(models), *more])


def shown_speed(shown: str) -> list[str]:
    return [line.removeprefix("speed: ") for line in shown.splitlines() if line[:7] == "speed: "]


def test_an_export_ends_with_a_short_table(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, tmp_path) == 0
    shown = capsys.readouterr()
    table = dict(line.split(": ", 1) for line in shown.out.splitlines())
    assert table["written"] == str(tmp_path / "polarity" / "1")
    assert table["task"] == "sentiment"
    assert table["labels"] == "NEGATIVE, POSITIVE (single_label_classification)"
    assert re.fullmatch(r"0\.06 MiB fp32, 1\.0\d\d of the checkpoint's 0\.06 MiB", table["graph"])
    assert "limit 0.0001" in table["parity"]
    assert re.fullmatch(r"\d+\.\d s", table["time"])
    assert shown.err.splitlines() == [
        "reading the checkpoint",
        "writing the graph",
        "comparing with the float64 reference",
        "measuring its speed",
    ]
    assert re.fullmatch(
        r"1 x 32 tokens in \d[\d.]* ms, one thread of .*", shown_speed(shown.out)[0]
    )


def test_an_int8_export_says_how_near_and_how_fast_it_is(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, tmp_path, "--precision", "int8", "--explain") == 0
    shown = capsys.readouterr()
    facts, layers = shown.out.split("\n\n", 1)
    table = dict(line.split(": ", 1) for line in facts.splitlines())
    assert re.fullmatch(r"0\.0\d MiB int8, 0\.\d+ of the 0\.06 MiB in fp32", table["graph"])
    assert table["parity"].startswith("fp32 logits within ")
    assert re.fullmatch(
        r"agreement \d+\.\d%, drift 0\.00\d+ on average .* over 64 texts", table["beside fp32"]
    )
    assert table["rounding"] == "all static"
    assert table["calibrated on"] == "64 of built-in texts"
    assert all("times as fast as fp32" in line for line in shown_speed(facts))
    assert [line.split()[0] for line in layers.splitlines()] == ["error", "layer", "1", "2", "3"]
    assert "judging int8, all static" in shown.err


def test_an_fp16_export_says_how_near_it_is(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, tmp_path, "--precision", "fp16") == 0
    shown = capsys.readouterr()
    table = dict(line.split(": ", 1) for line in shown.out.splitlines())
    assert re.fullmatch(r"0\.0\d MiB fp16, 0\.\d+ of the 0\.06 MiB in fp32", table["graph"])
    assert table["parity"].startswith("fp32 logits within ")
    assert table["beside fp32"].endswith(" over 128 texts")
    assert "rounding" not in table
    assert "judging fp16" in shown.err


def test_a_check_ends_with_a_short_table(
    exported: ExportReport, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(["check", str(exported.directory)]) == 0
    table = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert table["verified"] == "polarity, version 1: every file, and one run"
    assert table["graph"].endswith("MiB fp32")


def test_a_refusal_is_one_sentence_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(tmp_path / "none", tmp_path / "models") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("albert-export: ")
    assert "is not a directory with a checkpoint" in shown.err
    assert commands.run(["check", str(tmp_path / "none" / "1")]) == 1
    assert "no such directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["checkpoint"],
        ["checkpoint", "--name", "x"],
        ["checkpoint", "--name", "x", "--output", "y", "--version", "0"],
        ["checkpoint", "--name", "x", "--output", "y", "--version", "one"],
        ["checkpoint", "--name", "x", "--output", "y", "--task", "translation"],
        ["checkpoint", "--name", "x", "--output", "y", "--precision", "int4"],
        ["check"],
        ["check", "a", "b"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], tmp_path: Path) -> None:
    assert commands.run(arguments) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"]])
def test_help_names_what_can_be_asked(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(arguments) == 0
    shown = capsys.readouterr().out
    if arguments == ["--help"]:
        for word in ("CHECKPOINT", "--name", "--evaluation", "albert-export check DIR/NAME/N"):
            assert word in shown
    else:
        assert "DIR/NAME/N" in shown


def test_too_little_memory_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(commands, "export_checkpoint", exhausted)
    assert export(tmp_path, tmp_path / "models") == 1
    assert "more memory than there is" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(
    number: signal.Signals,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    monkeypatch.setattr("export.exporter.measure_parity", interrupt)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores
    assert export(checkpoint, tmp_path / "models") == 128 + number
    assert "albert-export: interrupted\n" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_ends_does_not_end_what_nohup_started(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    chosen = commands.export_checkpoint

    def hang_up(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGHUP)
        return chosen(*arguments)

    monkeypatch.setattr(commands, "export_checkpoint", hang_up)
    assert export(checkpoint, tmp_path / "models") == 0


def test_a_killed_export_leaves_nothing_that_is_served(tmp_path: Path) -> None:
    shape = Shape(
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=60,
        max_position_embeddings=512,
    )
    checkpoint, models = write_checkpoint(tmp_path / "slow", shape=shape), tmp_path / "models"
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", "slow"]
    with subprocess.Popen([*command, "--output", str(models)], cwd=REPOSITORY) as process:
        while not list(models.glob("slow/.1-*.partial/model.onnx")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert len(list(models.glob("slow/.1-*.partial"))) == 1
    assert list_models(models) == ()


def test_the_module_runs_as_the_command_does(checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "export", str(checkpoint), "--name", "p"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"written: " in done.stdout


@pytest.mark.parametrize("nobody", ["/dev/full", "a closed pipe"])
def test_an_export_that_nobody_listens_to_is_written_all_the_same(
    nobody: str, checkpoint: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "-m", "export", str(checkpoint), "--name", "p"]
    if nobody == "/dev/full":
        listener = os.open(nobody, os.O_WRONLY)
    else:
        reader, listener = os.pipe()
        os.close(reader)
    for version, streams in enumerate([{"stdout": listener}, {"stderr": listener}], start=1):
        other = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        done = subprocess.run(
            [*command, "--output", str(tmp_path)],
            cwd=REPOSITORY,
            stdout=other["stdout"],
            stderr=other["stderr"],
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert "Error" not in (done.stderr or "")
        assert [entry.version for entry in list_models(tmp_path)] == [version]
    refused = subprocess.run(
        [*command, "--output", "/dev/null/models"], cwd=REPOSITORY, stderr=listener, check=False
    )
    assert refused.returncode == 1
    os.close(listener)


def test_what_standard_output_cannot_encode_is_shown_by_its_number(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=("schön", "häßlich"))
    command = [sys.executable, "-W", "error", "-m", "export", str(checkpoint), "--name", "p"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "models")],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rb"labels: sch\xf6n, h\xe4\xdflich" in done.stdout


def test_a_directory_named_check_can_be_exported(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(checkpoint, tmp_path / "check")
    monkeypatch.chdir(tmp_path)
    assert commands.run(["./check", "--name", "polarity", "--output", "models"]) == 0
