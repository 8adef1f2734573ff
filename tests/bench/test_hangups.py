from bench.hangups import Leaving, lines_of
from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from tests.bench.steadiness import run, table, tiny_models

KINDS = ("next", "next", "leaving", "staying")
JOB = OpenJob("127.0.0.1", 1, 10.0, [Request(kind, "/") for kind in KINDS])


def answers(next_seconds: float = 0.1, staying_seconds: float = 5.0) -> Answers:
    return Answers(
        JOB,
        [
            Answer(0, 0, 2.0, 2.0, next_seconds, 200, None, 40),
            Answer(1, 1, 3.0, 3.0, 0.2, 200, None, 40),
            Answer(2, 2, 1.0, 1.0, 0.01, 0, None, 0),
            Answer(3, 3, 0.0, 0.0, staying_seconds, 200, None, 400),
        ],
    )


def shown(on_idle: Leaving, on_busy: Leaving) -> dict[str, str]:
    lines = lines_of(1, [0.1, 0.1, 0.1], [on_idle], on_busy)
    return {line.figure: str(line.cells[0]) for line in lines}


def test_the_next_caller_is_held_against_an_idle_service():
    quick = shown(Leaving(answers(0.13), 0, 1), Leaving(answers(), 0, 1))
    assert quick["the next caller's, right after 1 left: median"] == "130.0 ms ✓"
    assert quick["the caller's a second later: median"] == "200.0 ms"
    slow = shown(Leaving(answers(0.3), 0, 1), Leaving(answers(), 0, 1))
    assert slow["the next caller's, right after 1 left: median"] == "300.0 ms ✗"


def test_what_was_run_for_nobody_is_told():
    told = shown(Leaving(answers(), 1, 1), Leaving(answers(), 3.0, 1))
    assert told["run on an idle service before their leaving was seen"] == "1 of 1"
    assert told["of them run for nobody"] == "3 ✗"
    assert shown(Leaving(answers(), 1, 1), Leaving(answers(), 0.0, 1))[
        "of them run for nobody"
    ].endswith("✓")


def test_a_service_that_was_not_busy_long_enough_shows():
    figure = "the busy service's work lasted longer than the last caller who left"
    assert shown(Leaving(answers(), 0, 1), Leaving(answers(), 0, 1))[figure] == "4.0 s ✓"
    early = Leaving(answers(staying_seconds=0.5), 0, 1)
    assert shown(Leaving(answers(), 0, 1), early)[figure] == "-0.5 s ✗"


def test_a_few_callers_leaving_a_real_service_fill_the_table(tmp_path):
    finished = run("hangups", tiny_models(tmp_path), "--callers", "40", "--rounds", "1")
    filled = table(finished)
    figure = "left before they could start, on a busy service (counted as 499)"
    assert filled[figure][1] == "40 of 40"
    assert filled["the next caller's, right after 40 left: median"][1][-1] in "✓✗"
