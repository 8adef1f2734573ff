import pytest

from bench.errors import BenchError
from bench.lengths import MIXED
from bench.open_loop_arrivals import poisson
from bench.simulation import Settings, Work
from bench.simulation_load import (
    Arrival,
    Outcome,
    Simulated,
    closed_loop,
    open_loop,
    read_arrivals,
    write_arrivals,
)
from service.scheduling.batch_limits import BatchLimits
from tests.bench.test_simulation import profile

PATIENT = Settings(max_queue_seconds=1e6, timeout_seconds=1e6)


def test_every_text_of_a_closed_loop_is_answered_once():
    lengths = MIXED.sample(300)
    run = closed_loop(profile(workers=2, http_seconds=0.001), PATIENT, lengths, 16)
    assert sorted(run.outcome.lengths) == sorted(lengths)
    assert run.work.real_tokens == sum(lengths)
    assert run.outcome.answers_per_second == pytest.approx(300 / run.outcome.seconds)
    assert max(run.outcome.latencies) < run.outcome.seconds


def test_one_connection_has_one_text_on_its_way():
    run = closed_loop(profile(workers=4), PATIENT, [10, 20, 30], 1)
    assert run.outcome.latencies == [
        pytest.approx(seconds, rel=1e-3) for seconds in (0.02, 0.03, 0.04)
    ]
    assert run.outcome.seconds == pytest.approx(sum(run.outcome.latencies))


def test_the_same_load_gives_the_same_figures():
    lengths = MIXED.sample(200)
    first, second = (closed_loop(profile(2), PATIENT, lengths, 32).outcome for _ in range(2))
    assert first == second


def test_padding_is_a_share_of_what_was_run():
    work = Work(runs=2, real_tokens=90, padded_tokens=120, worker_seconds=1.0)
    assert Simulated(Outcome(), work).waste == 0.25


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_runs_of_one_length_wait_as_queueing_theory_says(load):
    """M/D/1: Poisson arrivals at one server that takes D each wait load * D / (2 * (1 - load)) on
    average (Pollaczek and Khinchine).
    """
    seconds = 0.05
    settings = Settings(BatchLimits(40), max_queue_seconds=1e6, timeout_seconds=1e6)
    known = profile(overhead=0.01, per_token=0.001)
    arrivals = [Arrival(at, [40]) for at in poisson(load / seconds, 1_500.0, seed=1)]
    latencies = open_loop(known, settings, arrivals).outcome.latencies
    waits = sum(latencies) / len(latencies) - seconds
    assert waits == pytest.approx(load * seconds / (2 * (1 - load)), rel=0.08)


def test_an_open_loop_does_not_wait_for_answers():
    arrivals = [Arrival(at, [100]) for at in (0.0, 0.01, 0.02)]
    run = open_loop(profile(), Settings(BatchLimits(100), 1e6, 1e6), arrivals)
    assert run.outcome.latencies == [
        pytest.approx(seconds, rel=1e-3) for seconds in (0.11, 0.21, 0.31)
    ]
    assert run.outcome.lengths == [100] * 3


def test_refusals_are_counted_by_their_reason():
    arrivals = [Arrival(0.0, [100])] * 5
    run = open_loop(profile(), Settings(max_queue_seconds=0.15), arrivals)
    assert run.outcome.refusals == {"QueueFullError": 3}
    assert len(run.outcome.latencies) == 2


def test_arrivals_are_read_as_they_were_written_in_the_order_of_time(tmp_path):
    arrivals = [Arrival(1.5, [9]), Arrival(0.25, [23, 7])]
    write_arrivals(tmp_path / "arrivals.jsonl", arrivals)
    assert read_arrivals(tmp_path / "arrivals.jsonl") == arrivals[::-1]


@pytest.mark.parametrize(
    "content", ["", "x\n", '{"at": 1}\n', '{"at": 1, "lengths": []}\n', '{"at": 1, "lengths": [0]}']
)
def test_what_holds_no_arrivals_is_refused(tmp_path, content):
    file = tmp_path / "arrivals.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match="no recorded arrivals"):
        read_arrivals(file)
