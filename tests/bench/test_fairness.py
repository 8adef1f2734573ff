from dataclasses import replace
from itertools import count

import pytest
from rich.console import Console

from bench.fairness import (
    ALONE,
    BESIDE,
    FULL,
    Situation,
    bulk_lines,
    bulk_share,
    measure_situations,
)
from bench.open_loop import Answers
from bench.open_loop_capacity import Capacity
from bench.open_loop_job import Answer, OpenJob, Request
from bench.open_loop_server import Server
from bench.open_loop_table import Cell
from bench.progress import Progress
from tests.bench.steadiness import run, table, tiny_models

JOB = OpenJob("127.0.0.1", 1, 10.0, [Request("interactive", "/"), Request("bulk", "/")])


RATIO = "p99 beside bulk over p99 alone"
SHARE = "bulk's share of the tokens answered beside it"


def answer(
    request: int, tokens: int = 0, *, at: float = 5.0, status: int = 200, seconds: float = 0.5
) -> Answer:
    return Answer(request, 0, at, at, seconds, status, None, tokens)


def answers(*given: Answer) -> Answers:
    return Answers(JOB, list(given))


def lines(alone: list[Answers], beside: list[Answers]) -> dict[str, Cell]:
    shown = bulk_lines({ALONE: alone, BESIDE: beside, FULL: beside}, 10.0)
    return {line.figure: line.cells[0] for line in shown}


def took(*seconds: float) -> Answers:
    """Of one turn, interactive answers that took so long."""
    return answers(*(answer(0, seconds=each) for each in seconds))


def test_bulks_share_is_of_the_tokens_answered_after_the_beginning():
    given = [answer(0, 30), answer(1, 10), answer(1, 500, at=0.1), answer(1, 500, status=429)]
    assert bulk_share(Answers(JOB, given), 10.0) == 0.25


def test_bulk_has_no_share_of_nothing():
    assert bulk_share(Answers(JOB, []), 10.0) == 0.0


@pytest.fixture
def jobs(monkeypatch) -> dict[Situation, list[OpenJob]]:
    """Of each situation those of two turns, numbered in the order in which they were run."""
    numbers = count()
    monkeypatch.setattr(
        "bench.fairness.run_open_loop",
        lambda job: Answers(replace(job, port=next(numbers)), []),
    )
    measured = measure_situations(
        Server("127.0.0.1", 1, "/", "nothing"),
        Capacity(100.0, 2000.0),
        turns=2,
        seconds=3.0,
        progress=Progress(Console(quiet=True)),
    )
    return {situation: [each.job for each in turns] for situation, turns in measured.items()}


def test_every_turn_has_all_situations_in_another_order(jobs):
    order = {situation: [job.port for job in turns] for situation, turns in jobs.items()}
    assert order == {ALONE: [0, 5], BESIDE: [1, 3], FULL: [2, 4]}


def test_interactive_callers_are_the_same_alone_and_beside_but_not_in_the_next_turn(jobs):
    first, second = jobs[ALONE]
    assert [job.arrivals for job in jobs[BESIDE]] == [first.arrivals, second.arrivals]
    assert jobs[BESIDE][0].requests[: len(first.requests)] == first.requests
    assert first.arrivals != second.arrivals
    assert not {job.body for job in first.requests} & {job.body for job in second.requests}


def test_the_ratio_is_of_the_p99s_of_all_turns_together():
    alone = [took(*[0.1] * 100), took(*[0.2] * 300)]
    beside = [took(*[0.13] * 100), took(*[0.24] * 300)]
    assert str(lines(alone, beside)[RATIO]) == "1.20 (1.20 – 1.30) ✓"


def test_one_turn_in_which_the_ratio_is_over_the_goal_does_not_decide():
    alone = [took(*[0.1] * 10), took(*[0.2] * 10)]
    beside = [took(*[0.2] * 10), took(*[0.2] * 10)]
    assert str(lines(alone, beside)[RATIO]) == "1.00 (1.00 – 2.00) ✓"


def test_a_ratio_of_one_turn_has_no_range():
    assert str(lines([took(0.1)], [took(0.16)])[RATIO]) == "1.60 ✗"


def test_a_turn_in_which_none_was_answered_has_no_ratio():
    assert str(lines([took(0.1), took()], [took(0.12), took(0.12)])[RATIO]) == "1.20 ✓"
    assert str(lines([took(0.1)], [took()])[RATIO]) == "none was answered ✗"


def test_the_beginning_of_every_turn_is_left_out():
    slow_at_first = answers(answer(0, at=0.5, seconds=3.0), answer(0, seconds=0.1))
    shown = lines([took(0.1), took(0.1)], [slow_at_first, slow_at_first])
    assert str(shown[RATIO]) == "1.00 (1.00 – 1.00) ✓"
    assert str(shown["interactive not answered with 200 beside bulk"]) == "0 of 2 ✓"


def test_bulks_share_is_of_the_tokens_of_all_turns():
    beside = [answers(answer(0, 30), answer(1, 10)), answers(answer(0, 30), answer(1, 130))]
    assert str(lines([took(0.1)] * 2, beside)[SHARE]) == "70.0% ✓"


def test_a_short_comparison_on_a_real_service_fills_the_table(tmp_path):
    shown = table(run("fairness", tiny_models(tmp_path), "--seconds", "1", "--turns", "2"))
    assert shown[RATIO][1][-1] in "✓✗"
    assert " – " in shown[RATIO][1]
    shares = [cells[1] for figure, cells in shown.items() if figure.startswith("bulk's share")]
    assert len(shares) == 2
    assert all(float(share.split("%")[0]) > 0 for share in shares)
    assert "admitted" in shown["the request of 256 long texts"][0]
