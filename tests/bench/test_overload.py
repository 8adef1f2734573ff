import pytest

from bench.open_loop import Answers
from bench.open_loop_capacity import Capacity
from bench.open_loop_job import Answer, OpenJob, Request
from bench.overload import Level, table_of
from bench.overload_burst import Burst
from tests.bench.steadiness import run, table, tiny_models

KINDS = ("text", "text", "obeying", "live", "metrics")
JOB = OpenJob("127.0.0.1", 1, 10.0, [Request(kind, "/") for kind in KINDS])
LENGTHS = [10, 50, 40, 0, 0]


def answer(
    request: int, status: int, seconds: float, *, at: float = 5.0, told: float | None = None
) -> Answer:
    return Answer(request, 0, at, at, seconds, status, told, 60 if status == 200 else 0)


def figures(*answers: Answer, after: float = 105.0) -> dict[str, str]:
    level = Level(2, 10.0, Answers(JOB, list(answers), 1.0), LENGTHS, 100.0, after, 14.0, 2)
    burst = Burst(10.0, 0, Answers(JOB, []))
    columns, lines = table_of([level], [Capacity(0.1, 10.0), Capacity(0.2, 20.0)], burst)
    assert columns == ["2 × capacity", "burst, all obey"]
    assert all(len(line.cells) == 2 for line in lines)
    return {line.figure: str(line.cells[0]) for line in lines}


def test_goodput_is_held_against_the_better_closed_loop():
    shown = figures(answer(0, 200, 0.1), answer(2, 200, 0.1), answer(1, 200, 0.1))
    assert shown["goodput, share of the peak's tokens/s"] == "100.0% ✓"
    assert figures(answer(0, 200, 0.1))["goodput, share of the peak's tokens/s"] == "33.3% ✗"


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
    shown = figures(answer(3, 200, 0.04), answer(4, 200, 0.3), after=111.0)
    assert shown["p99 of /health/live"] == "40.0 ms ✓"
    assert shown["p99 of /metrics"] == "300.0 ms ✗"
    assert shown["resident memory before → after"].endswith("✗")


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
    obeying = "obeying callers among those who do not: in when they first came again"
    assert shown[obeying] == "0 of 1"


def test_processor_time_is_a_share_of_all_cores_while_it_ran():
    shown = figures(answer(0, 200, 0.1))
    assert shown["cores busy with the service, with the load"] == "70.0%, 5.0%"


def test_a_short_overload_of_a_real_service_fills_the_table(tmp_path):
    finished = run("overload", tiny_models(tmp_path), "--seconds", "0.5", "--burst-seconds", "1")
    shown = table(finished)
    assert all(int(sent) > 0 for sent in shown["requests sent"][1:4])
    assert all("%" in share for share in shown["goodput, share of the peak's tokens/s"][:4])
    assert all("ms" in seconds for seconds in shown["p99 of /health/live"][:4])
    assert all("MiB" in memory for memory in shown["resident memory before → after"][1:4])
    assert "of" in shown["burst: answered in the end"][4]
