import pytest

from bench.errors import BenchError
from bench.soak_arena import Arena, measure_arena, read_log, shapes
from bench.subject import NAME
from tests.bench.steadiness import tiny_models


def test_shapes_keep_to_the_budget_but_for_a_long_row_alone():
    chosen = shapes(500, padded_tokens=256)
    assert len(chosen) == 500
    assert all(rows * length <= 256 or rows == 1 for rows, length in chosen)
    assert {(1, 512), (1, 256), (64, 4)} <= set(chosen)
    assert len(set(chosen)) > 200


def test_the_log_tells_the_arenas_size_at_each_mark():
    log = "\n".join(
        [
            "noise",
            "[I:onnxruntime:Default, bfc_arena.cc:208 Extend] Total allocated bytes: 100",
            "loaded",
            "[I:onnxruntime:Default, bfc_arena.cc:208 Extend] Total allocated bytes: 300",
            "a quarter",
            "[I:onnxruntime:Default, bfc_arena.cc:208 Extend] Total allocated bytes: 700",
        ]
    )
    assert read_log(log, 8) == Arena(8, 100, 300, 700)


def test_a_log_without_an_arena_is_no_measurement():
    with pytest.raises(BenchError, match="nothing of an arena"):
        read_log("loaded\na quarter\n", 8)


def test_a_real_arena_grows_with_the_first_runs(tmp_path):
    arena = measure_arena(tiny_models(tmp_path) / NAME / "1", threads=2, runs=12)
    assert arena.loaded_bytes <= arena.quarter_bytes <= arena.final_bytes
    assert arena.final_bytes > arena.loaded_bytes


def test_a_model_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BenchError, match="could not be measured"):
        measure_arena(tmp_path / "none", threads=1, runs=1)
