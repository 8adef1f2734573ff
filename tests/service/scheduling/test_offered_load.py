"""How much work comes in, as a share of what the workers can do."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.offered_load import (
    LEAST_WEIGHT,
    MEMORY_SECONDS,
    PAUSE_SECONDS,
    OfferedLoad,
)

START = 1000.0


def after(arrivals, workers=2, start=START):
    """The load at the last of ``arrivals``: seconds since the one before, and of work."""
    load, now = OfferedLoad(workers), start
    for pause, seconds in arrivals:
        now += pause
        load.add(seconds, now)
    return load, now


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("share", [0.1, 0.8, 3.0])
def test_work_that_comes_steadily_is_its_share_of_what_they_can_do(workers, share):
    pause = 0.01
    arrivals = [(pause, share * workers * pause)] * int(8 * MEMORY_SECONDS / pause)
    load, now = after(arrivals, workers)
    assert load.at(now) == pytest.approx(share, rel=0.01)


def test_what_came_so_long_ago_counts_for_a_third():
    load, now = after([(0.01, 0.01)] * 8000)
    assert load.at(now + MEMORY_SECONDS) == pytest.approx(load.at(now) / math.e, rel=0.01)


@given(
    st.lists(st.tuples(st.floats(0, PAUSE_SECONDS), st.floats(0, 2)), min_size=1, max_size=30),
    st.floats(0, 20),
)
def test_it_is_never_more_than_twice_what_all_pieces_still_count(arrivals, later):
    load, now = after(arrivals)
    end, at, counted = now + later, START, 0.0
    for pause, seconds in arrivals:
        at += pause
        counted += seconds / (2 * MEMORY_SECONDS) * math.exp((at - end) / MEMORY_SECONDS)
    assert counted - 1e-9 <= load.at(end) <= counted / LEAST_WEIGHT + 1e-9
    assert load.at(end) <= load.at(now) + 1e-9


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_after_a_pause_it_is_known_in_seconds_and_never_too_large(share):
    load, now = after([(0.01, 3.0 * 2 * 0.01)] * 5000)
    assert load.at(now) == pytest.approx(3.0, rel=0.05)
    now += 1.1 * PAUSE_SECONDS
    seen = []
    for _ in range(2000):
        now += 0.01
        load.add(share * 2 * 0.01, now)
        seen.append(load.at(now))
    assert max(seen) < 1.01 * share
    assert seen[750] == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_requests_that_come_by_themselves_are_seldom_taken_for_many_more(seed):
    """Thirty a second, as long as English texts are, at 70 % of what two workers can do."""
    random_times = random.Random(seed)
    load, now, seen = OfferedLoad(2), START, []
    for _ in range(60_000):
        now += random_times.expovariate(30)
        load.add(random_times.lognormvariate(-0.25, 0.7) * 0.7 / 15 / 0.995, now)
        seen.append(load.at(now))
    seen = seen[1000:]
    assert sum(seen) / len(seen) == pytest.approx(0.7, abs=0.02)
    assert sum(each >= 0.8 for each in seen) < 0.06 * len(seen)
