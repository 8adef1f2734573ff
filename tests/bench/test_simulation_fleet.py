from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.lengths import LengthMix
from bench.simulation import Settings
from bench.simulation_fleet import Balancer, Choice, Fleet, run_fleet
from bench.statistics import percentile
from service.scheduling.batch_limits import BatchLimits
from tests.bench.test_simulation import profile

FORTY = LengthMix("forty", median=40, sigma=0.01, shortest=40, longest=40)
ALONE = Settings(BatchLimits(40), max_queue_seconds=1e6, timeout_seconds=1e6)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=60),
)
def test_least_is_one_of_those_with_the_fewest(start, changes):
    replicas = [SimpleNamespace(outstanding=0) for _ in start]
    balancer = Balancer(replicas, Choice.LEAST, Random(0))
    for index, outstanding in [*enumerate(start), *changes]:
        index %= len(replicas)
        replicas[index].outstanding = outstanding
        balancer.changed(index)
        fewest = min(replica.outstanding for replica in replicas)
        assert replicas[balancer.choose()].outstanding == fewest


def test_of_two_the_one_with_fewer_is_chosen():
    replicas = [SimpleNamespace(outstanding=5), SimpleNamespace(outstanding=1)]
    balancer = Balancer(replicas, Choice.TWO, Random(0))
    chosen = [balancer.choose() for _ in range(1_000)]
    assert sum(chosen) == pytest.approx(750, abs=50)  # 0 only when drawn twice


def fleet(replicas, choice, **more):
    fields = {"rate": 14.0, "mix": FORTY, "seconds": 70.0, "warm_up_seconds": 10.0} | more
    return Fleet(replicas, choice=choice, **fields)


def test_random_choice_makes_every_replica_a_queue_of_its_own():
    """M/D/1 again: replicas that are chosen at random know nothing of each other."""
    latencies = run_fleet(profile(), ALONE, fleet(40, Choice.RANDOM)).latencies
    load, seconds = 14.0 * 0.05, 0.05
    expected = seconds + load * seconds / (2 * (1 - load))
    assert sum(latencies) / len(latencies) == pytest.approx(expected, rel=0.08)


def test_the_more_a_balancer_knows_the_shorter_the_tail():
    tails = [
        percentile(run_fleet(profile(), ALONE, fleet(20, choice)).latencies, 0.99)
        for choice in (Choice.LEAST, Choice.TWO, Choice.RANDOM)
    ]
    assert tails == sorted(tails)
    assert tails[2] > 1.5 * tails[0]


def test_only_what_comes_after_the_warm_up_counts():
    seconds = {"seconds": 50.0, "warm_up_seconds": 30.0}
    outcome = run_fleet(profile(), ALONE, fleet(10, Choice.LEAST, **seconds))
    assert len(outcome.latencies) == pytest.approx(10 * 14 * 20, rel=0.1)


def test_a_fleet_that_is_asked_for_more_than_it_can_refuses():
    settings = Settings(BatchLimits(40), max_queue_seconds=0.5)
    outcome = run_fleet(profile(), settings, fleet(4, Choice.LEAST, rate=40.0))
    requests = len(outcome.latencies) + outcome.refusals.total()
    assert outcome.refusals.total() / requests == pytest.approx(0.5, abs=0.05)
    assert max(outcome.latencies) < 0.7
