from dataclasses import replace
from itertools import count, pairwise

import pytest
from rich.console import Console

from bench.open_loop import Answers
from bench.open_loop_capacity import Capacity
from bench.open_loop_job import Answer, OpenJob, Request
from bench.open_loop_server import Server
from bench.overload import measure_turns
from bench.overload_burst import Burst
from bench.overload_table import table_of
from bench.overload_turn import Turn
from bench.progress import Progress
from tests.bench.steadiness import run, table, tiny_models

KINDS = ("text", "text", "obeying", "live", "metrics")
JOB = OpenJob("127.0.0.1", 1, 10.0, [Request(kind, "/") for kind in KINDS])
LENGTHS = [10, 50, 40, 0, 0]
GOODPUT = "goodput, share of the peak's tokens/s"
OBEYING = "obeying callers among those who do not: in when they first came again"
MEMORY = "resident memory before → after"
BUSY = "cores busy with the service, with the load"


def answer(
    request: int, status: int, seconds: float, *, at: float = 5.0, told: float | None = None
) -> Answer:
    return Answer(request, 0, at, at, seconds, status, told, 60 if status == 200 else 0)


def turn(
    *answers: Answer,
    before: float = 10.0,
    after: float = 20.0,
    resident: tuple[float, float] = (100.0, 105.0),
) -> Turn:
    """``before``, ``after``: tokens/s of the closed loops, in texts of a hundred tokens each;
    ``resident``: bytes.
    """
    return Turn(
        2,
        10.0,
        Capacity(before / 100, before),
        Capacity(after / 100, after),
        Answers(JOB, list(answers), 1.0),
        LENGTHS,
        *resident,
        14.0,
        2,
    )


def figures_of(*turns: Turn) -> dict[str, str]:
    columns, lines = table_of(turns, Burst(10.0, 0, Answers(JOB, [])))
    assert columns == ["2 × capacity", "burst, all obey"]
    assert all(len(line.cells) == 2 for line in lines)
    return {line.figure: str(line.cells[0]) for line in lines}


def figures(*answers: Answer) -> dict[str, str]:
    return figures_of(turn(*answers))


def texts(tokens_a_second: float) -> Answer:
    """So many tokens a second, for one turn."""
    return answer(0, 200, 0.1)._replace(tokens=round(9 * tokens_a_second))


@pytest.fixture
def measured(monkeypatch) -> list[Turn]:
    """Two turns on a machine that answers one text a second more in each closed loop."""
    speeds = count(4)
    monkeypatch.setattr(Server, "metric", lambda server, name: 1.0)
    monkeypatch.setattr("bench.overload_turn.run_open_loop", lambda job: Answers(job, []))
    for module in ("bench.overload", "bench.overload_turn"):
        monkeypatch.setattr(
            f"{module}.measure_capacity", lambda *asked: Capacity(float(next(speeds)), 1.0)
        )
    server = Server("127.0.0.1", 1, "/", "nothing")
    return measure_turns(server, 2, 10.0, Progress(Console(quiet=True)))


def test_every_turn_has_all_levels_in_another_order(measured):
    assert [turn.factor for turn in measured] == [2, 5, 10, 5, 10, 2]


def test_closed_loops_are_shared_by_neighbours(measured):
    assert [turn.before.texts for turn in measured] == [4, 5, 6, 7, 8, 9]
    assert [turn.after.texts for turn in measured] == [5, 6, 7, 8, 9, 10]


def test_a_level_asks_for_a_multiple_of_the_closed_loop_before_it(measured):
    for turn in measured:
        sent = len(turn.answers.job.arrivals) - round(25 * turn.seconds)  # health and metrics
        assert sent == pytest.approx(10.0 * turn.factor * turn.before.texts, rel=0.3)


def test_no_two_turns_have_the_same_texts(measured):
    asked = [request.body for turn in measured for request in turn.answers.job.requests]
    texts = [body for body in asked if body is not None]
    assert len(set(texts)) > 0.99 * len(texts)


def test_goodput_is_held_against_the_mean_of_the_closed_loops_around_it():
    assert figures_of(turn(texts(15.0)))[GOODPUT] == "100.0% ✓"
    assert figures_of(turn(texts(14.0)))[GOODPUT] == "93.3% ✗"


def test_a_drifting_machine_does_not_change_the_share():
    speeds = (40.0, 30.0, 20.0, 10.0)
    drifting = [
        turn(texts((before + after) / 2), before=before, after=after)
        for before, after in pairwise(speeds)
    ]
    shown = figures_of(*drifting)
    assert shown[GOODPUT] == "100.0% (100.0 – 100.0%) ✓"
    assert shown["closed loops before and after, texts/s"] == "0.1 – 0.4"


def test_the_share_is_the_median_of_the_turns():
    shown = figures_of(turn(texts(3.0)), turn(texts(18.0)), turn(texts(15.0)))
    assert shown[GOODPUT] == "100.0% (20.0 – 120.0%) ✓"


def test_turns_stand_in_the_columns_of_their_levels():
    turns = [replace(turn(answer(0, 200, 0.1)), factor=factor) for factor in (2, 5, 5, 2, 2)]
    columns, lines = table_of(turns, Burst(10.0, 0, Answers(JOB, [])))
    assert columns == ["2 × capacity", "5 × capacity", "burst, all obey"]
    [sent] = [line for line in lines if line.figure == "requests sent"]
    assert [str(cell) for cell in sent.cells] == ["3", "2", ""]


def test_refusals_and_times_are_of_all_turns_together():
    quick = [answer(0, 429, 0.001) for _ in range(60)]
    shown = figures_of(turn(*quick, answer(3, 200, 0.01)), turn(answer(0, 503, 0.5), *quick[:39]))
    assert shown["refusals that are 429 or 504"] == "99 of 100 ✗"
    assert shown["until a refusal, worst"] == "1.0 ms ✓"
    assert shown["p99 of /health/live"] == "10.0 ms ✓"


def test_retry_after_is_judged_within_each_turn():
    right = [answer(0, 429, 0.01, at=2.0 + 0.1 * n, told=3.0) for n in range(9)]
    first = turn(*right, answer(0, 200, 0.01, at=5.0))
    too_long = answer(0, 429, 0.01, at=5.5, told=9.0)
    second = turn(answer(0, 200, 0.01, at=2.9), too_long, answer(0, 200, 0.01, at=6.5))
    shown = figures_of(first, second)
    assert shown["told over twice the time until room"] == "10.0% ✗"
    assert shown["told under half the time until room"] == "0.0% ✓"


def test_obeying_callers_of_different_turns_are_told_apart():
    refused = answer(2, 429, 0.5, at=1.0, told=1.0)
    let_in = answer(2, 200, 0.5, at=2.5)
    again = refused._replace(at=2.5)
    shown = figures_of(turn(refused, let_in), turn(refused, again, let_in._replace(at=4.0)))
    assert shown[OBEYING] == "1 of 2"


def test_memory_is_from_before_the_first_turn_to_after_the_last():
    mebibyte = 1024 * 1024
    grown = [(100, 108), (108, 109), (109, 112)]
    turns = [
        turn(answer(0, 200, 0.1), resident=(before * mebibyte, after * mebibyte))
        for before, after in grown
    ]
    assert figures_of(*turns)[MEMORY] == "100 → 112 MiB ✗"
    assert figures_of(*turns[:2])[MEMORY] == "100 → 109 MiB ✓"


@pytest.mark.parametrize(("status", "verdict"), [(429, "✓"), (504, "✓"), (503, "✗"), (0, "✗")])
def test_a_refusal_should_be_429_or_504(status, verdict):
    shown = figures(answer(0, 200, 0.1), answer(1, status, 0.01))
    right = 1 if verdict == "✓" else 0
    assert shown["refusals that are 429 or 504"] == f"{right} of 1 {verdict}"


def test_the_slowest_refusal_is_judged_too():
    quick = [answer(0, 429, 0.001) for _ in range(999)]
    shown = figures(*quick, answer(1, 429, 0.5))
    assert shown["until a refusal, p99"] == "1.0 ms ✓"
    assert shown["until a refusal, worst"] == "500.0 ms ✗"


def test_health_metrics_and_memory_have_limits_of_their_own():
    shown = figures_of(turn(answer(3, 200, 0.04), answer(4, 200, 0.3), resident=(100.0, 111.0)))
    assert shown["p99 of /health/live"] == "40.0 ms ✓"
    assert shown["p99 of /metrics"] == "300.0 ms ✗"
    assert shown[MEMORY].endswith("✗")


def test_retry_after_is_judged_by_those_who_obey_it_and_by_when_there_was_room():
    shown = figures(
        answer(0, 429, 0.01, at=5.0, told=9.0),
        answer(0, 200, 0.01, at=6.0),
        answer(2, 429, 0.5, at=1.0, told=1.0),
        answer(2, 429, 0.5, at=2.5, told=1.0),
        answer(2, 200, 0.5, at=4.5),
    )
    assert shown["Retry-After told, median (longest)"] == "9 (9) s"
    assert shown["told over twice the time until room"] == "100.0% ✗"
    assert shown["told under half the time until room"] == "0.0% ✓"
    assert shown[OBEYING] == "0 of 1"


def test_processor_time_is_a_share_of_all_cores_while_it_ran():
    assert figures(answer(0, 200, 0.1))[BUSY] == "70.0%, 5.0%"
    until_the_twentieth_second = answer(0, 200, 15.0)
    assert figures_of(turn(), turn(until_the_twentieth_second))[BUSY] == "46.7%, 3.3%"


def test_a_short_overload_of_a_real_service_fills_the_table(tmp_path):
    options = ("--seconds", "1", "--turns", "2", "--burst-seconds", "1")
    shown = table(run("overload", tiny_models(tmp_path), *options))
    assert all(" – " in ends for ends in shown["closed loops before and after, texts/s"][1:4])
    assert all(int(sent) > 0 for sent in shown["requests sent"][1:4])
    assert all("% (" in share for share in shown[GOODPUT][1:4])
    assert all("ms" in seconds for seconds in shown["p99 of /health/live"][1:4])
    assert all("MiB" in memory for memory in shown[MEMORY][1:4])
    assert "of" in shown["burst: answered in the end"][4]
