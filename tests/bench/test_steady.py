import pytest

from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from bench.steady import GRID, lines_of, multiples
from tests.bench.steadiness import run, table, tiny_models

LENGTHS = [24, 36, 30, 384]
JOB = OpenJob("127.0.0.1", 1, 10.0, [Request("text", "/")] * len(LENGTHS))
ALONE = [length / 1000 for length in GRID]


def answer(request: int, seconds: float, status: int = 200) -> Answer:
    return Answer(request, request, 5.0, 5.0, seconds, status, None, 0)


def test_each_text_is_held_against_its_own_time_alone():
    given = Answers(JOB, [answer(0, 0.048), answer(2, 0.09), answer(3, 0.384)])
    assert multiples(given, LENGTHS, ALONE) == pytest.approx([2, 3, 1])


def test_short_texts_have_the_goal_and_long_ones_are_told_apart():
    given = Answers(JOB, [answer(0, 0.024), answer(1, 0.36), answer(3, 0.768)])
    shown = {
        line.figure: [str(cell) for cell in line.cells] for line in lines_of(given, LENGTHS, ALONE)
    }
    assert shown["p99, times its own alone"] == ["9.9 × ✗", "2.0 ×"]
    assert shown["p50"] == ["192 ms", "768 ms"]
    assert shown["texts, not answered with 200"] == ["2, 0 ✓", "1, 0 ✓"]


def test_they_are_held_against_their_runs_on_one_core_too_where_these_are_known():
    given = Answers(JOB, [answer(0, 0.24), answer(3, 0.768)])
    twice = [2 * seconds for seconds in ALONE]
    shown = {line.figure: line.cells for line in lines_of(given, LENGTHS, ALONE, twice)}
    assert [str(cell) for cell in shown["p99, times its own alone"]] == ["10.0 × ✗", "2.0 ×"]
    assert [str(cell) for cell in shown["p99, times its own run on one core"]] == [
        "5.0 × ✓",
        "1.0 ×",
    ]


def test_a_refusal_is_not_passed_over():
    given = Answers(JOB, [answer(0, 0.024), answer(1, 0.001, 429)])
    lines = lines_of(given, LENGTHS, ALONE)
    assert str(lines[0].cells[0]) == "2, 1 ✗"


def test_a_short_load_on_a_real_service_fills_the_table(tmp_path):
    shown = table(run("steady", tiny_models(tmp_path), "--seconds", "1"))
    count, refused = shown["texts, not answered with 200"][1].rstrip(" ✓✗").split(", ")
    assert int(count) > int(refused)
    for figure in ("p99, times its own alone", "p99, times its own run on one core"):
        assert shown[figure][1][-1] in "✓✗"
