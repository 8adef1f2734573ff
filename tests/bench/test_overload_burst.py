from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from bench.overload_burst import Burst, burst_lines

JOB = OpenJob("127.0.0.1", 1, 60.0, [Request("burst", "/")] * 2)


def answer(chain: int, at: float, status: int, told: float | None = None) -> Answer:
    return Answer(chain, chain, at, at, 1.0, status, told, 0)


def shown(callers: int, *answers: Answer) -> dict[str, str]:
    lines = burst_lines(Burst(10.0, callers, Answers(JOB, list(answers))), blanks=3)
    assert all([str(cell) for cell in line.cells[:3]] == ["", "", ""] for line in lines)
    return {line.figure.removeprefix("burst: "): str(line.cells[3]) for line in lines}


def test_callers_that_were_told_right_come_twice():
    told = shown(2, answer(0, 0.0, 200), answer(1, 0.0, 429, 4.0), answer(1, 5.0, 200))
    assert told["answered in the end"] == "2 of 2 ✓"
    assert told["in when they first came again"] == "1 of 1 refused"
    assert told["wait over first told, median"] == "1.0 ✓"
    assert told["the last of 10 s of work answered after"] == "6.0 s ✓"


def test_callers_that_are_told_too_little_come_again_and_again():
    refused = [answer(0, 2.0 * turn, 429, 1.0) for turn in range(12)]
    told = shown(1, *refused, answer(0, 24.0, 200))
    assert told["wait over first told, p90"] == "23.0 ✗"
    assert told["the last of 10 s of work answered after"] == "25.0 s ✗"


def test_one_who_never_gets_in_is_missed():
    assert shown(1, answer(0, 0.0, 429, 1.0))["answered in the end"] == "0 of 1 ✗"
