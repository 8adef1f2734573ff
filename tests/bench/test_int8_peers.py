import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.checkpoints import TINY, write_checkpoint
from bench.errors import BenchError
from bench.int8_peers import (
    OURS_FP32,
    OURS_INT8,
    SHAPES,
    Figures,
    Way,
    correlation,
    measure,
    random_ids,
    ratio_cell,
    ratio_table,
    time_table,
)
from bench.peer_process import PeerProcess, last_line, one_line, run_to_the_end
from bench.progress import Progress
from export.exporter import ExportRequest, export_checkpoint

PEER = Way("peer", "peer.onnx")
LONG_ENOUGH = replace(TINY, max_position_embeddings=max(tokens for _, tokens in SHAPES))


def figures(way: Way, *seconds: float) -> Figures:
    return Figures(
        way,
        precision="f32",
        file_bytes=3 << 20,
        grown_bytes=5 << 20,
        correlation=0.98765,
        seconds={shape: list(seconds) for shape in SHAPES},
        processor_shares=[0.9, 1.0, 1.0],
    )


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")[1:-1]]


def test_the_median_of_the_rounds_is_told_in_milliseconds():
    row = cells(time_table([figures(PEER, 0.010, 0.900, 0.0205)]).splitlines()[2])
    assert row == ["peer", "3.0", "5", "int8, f32", "0.988", "1.00", "20.5", "20.5", "20.5"]


def test_a_precision_is_said_once():
    row = cells(time_table([figures(OURS_FP32, 1.0)]).splitlines()[2])
    assert row[3] == "f32"


def test_what_failed_has_a_row_that_says_so_and_no_figures():
    table = time_table([figures(PEER, 1.0), Figures(PEER, failure="no kernel")])
    header, _, _, failed = (cells(line) for line in table.splitlines())
    assert len(failed) == len(header)
    assert failed[:2] == ["peer", "failed: no kernel"]
    assert set(failed[2:]) == {""}
    assert "failed" not in ratio_table([figures(OURS_FP32, 1.0), Figures(PEER, failure="x")])


def test_ratios_are_taken_within_each_round_and_have_their_quartiles():
    slow_round = [1.0, 10.0, 1.0, 1.0, 1.0]
    assert ratio_cell([0.2, 3.0, 0.4, 0.5, 0.6], slow_round) == "0.40 (0.30–0.50)"


def test_every_way_is_set_against_both_of_our_files():
    table = ratio_table([figures(OURS_FP32, 4.0), figures(OURS_INT8, 2.0), figures(PEER, 3.0)])
    header, _, fp32, int8, peer = (cells(line) for line in table.splitlines())
    assert header[1] == "albert-serve, fp32: 8 x 128"
    assert header[4] == "albert-serve, int8: 8 x 128"
    assert fp32[1:] == ["1"] * 3 + ["2.00 (2.00–2.00)"] * 3
    assert int8[1:] == ["0.50 (0.50–0.50)"] * 3 + ["1"] * 3
    assert peer[1:] == ["0.75 (0.75–0.75)"] * 3 + ["1.50 (1.50–1.50)"] * 3


def test_without_our_int8_file_the_fp32_file_is_the_only_base():
    table = ratio_table([figures(OURS_FP32, 4.0), Figures(OURS_INT8, failure="refused")])
    assert [len(cells(line)) for line in table.splitlines()] == [4, 4, 4]


def test_logits_that_cannot_be_compared_are_refused():
    assert correlation([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]) == pytest.approx(1)
    for logits in ([1.0], [1.0, float("nan"), 3.0]):
        with pytest.raises(BenchError, match="logits"):
            correlation(logits, [1.0, 2.0, 3.0])


def test_a_long_message_fits_into_a_cell():
    assert one_line("a | b\n c") == "a / b c"
    assert one_line("x" * 200, characters=10) == "x" * 9 + "…"
    assert last_line("Traceback\n  File\nNameError: y\n\n") == "NameError: y"
    assert last_line("╭─ Error ─╮\n│ No such option. │\n╰─────────╯\n") == "No such option."
    assert last_line("") == ""


def test_a_command_that_fails_is_told_by_the_end_of_what_it_said():
    with pytest.raises(BenchError, match=r"^second$"):
        run_to_the_end([sys.executable, "-c", "import sys; sys.exit('first\\nsecond')"])
    with pytest.raises(BenchError, match="status 3"):
        run_to_the_end([sys.executable, "-c", "import sys; sys.exit(3)"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with our fp32 file of a tiny model, and one that is none."""
    directory = tmp_path_factory.mktemp("int8-peers")
    checkpoint = write_checkpoint(directory / "checkpoint", shape=LONG_ENOUGH)
    request = ExportRequest(checkpoint, "fp32", directory / "models")
    export_checkpoint(request, lambda stage, done=0, of=0: None)
    (directory / "broken.onnx").write_bytes(b"no graph")
    return directory


def test_files_take_turns_and_one_that_cannot_be_loaded_does_not_stop_the_others(
    exported: Path,
) -> None:
    ours, again, broken, unmade = figures = measure(
        [OURS_FP32, Way("again", OURS_FP32.file), Way("broken", "broken.onnx"), PEER],
        exported,
        {PEER.file: "NotImplementedError:\nnot made"},
        Path(sys.executable),
        2,
        Progress(Console(file=io.StringIO())),
        LONG_ENOUGH,
    )
    for each in (ours, again):
        assert each.precision == "f32"
        assert each.file_bytes == (exported / OURS_FP32.file).stat().st_size
        assert each.grown_bytes > 0
        assert each.correlation == pytest.approx(1)
        assert {shape: len(seconds) for shape, seconds in each.seconds.items()} == dict.fromkeys(
            SHAPES, 2
        )
        assert all(value > 0 for seconds in each.seconds.values() for value in seconds)
    assert "Protobuf" in broken.failure or "INVALID" in broken.failure.upper()
    assert unmade.failure == "NotImplementedError: not made"
    assert len(time_table(figures).splitlines()) == 6


def test_without_the_fp32_file_nothing_is_measured(exported: Path) -> None:
    progress = Progress(Console(file=io.StringIO()))
    failures = {OURS_FP32.file: "disk full"}
    with pytest.raises(BenchError, match="fp32: disk full"):
        measure([OURS_FP32], exported, failures, Path(sys.executable), 1, progress)


def test_a_worker_answers_with_the_logits_of_what_it_was_given(exported: Path) -> None:
    file = exported / OURS_FP32.file
    ids = random_ids(2, 16, LONG_ENOUGH)
    with PeerProcess(Path(sys.executable), "onnxruntime", file) as process:
        both = process.run(ids, 1)
        alone = process.run(ids[1:], 0)
    assert len(both.logits) == 4
    np.testing.assert_allclose(both.logits[2:], alone.logits, atol=1e-5)
    assert both.seconds > 0
    assert both.processor_seconds > 0


def test_a_worker_that_ends_says_how(exported: Path) -> None:
    file = exported / OURS_FP32.file
    with pytest.raises(BenchError, match="ended with status 1"):
        PeerProcess(Path("/bin/false"), "onnxruntime", file).__enter__()
    with (
        PeerProcess(Path(sys.executable), "onnxruntime", file) as process,
        pytest.raises(BenchError, match=r"ended with status 1: .*InvalidArgument"),
    ):
        process.run(np.zeros((1, 2, 3), dtype=np.int64), 1)
