"""Token buckets: the two promises of one, what a caller is told, and how much is kept."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.rate_limit import TokenBuckets

RATES = st.floats(0.001, 100_000) | st.sampled_from([0.001, 0.3, 1.0, 2.5, 3.0, 10.0, 100_000.0])


class Clock:
    """Turned by the test. It begins late, as that of a machine that has been up for months."""

    def __init__(self):
        self.now = 1e7

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@given(RATES, st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_in_no_interval_more_than_the_burst_and_the_rate(rate, gaps):
    """``gaps`` are in units of the time between two tokens."""
    clock = Clock()
    buckets = TokenBuckets(rate, 10, clock)
    allowed = []
    for gap in gaps:
        clock.now += gap / rate
        if buckets.take("a").is_allowed:
            allowed.append(clock.now)
    for first, begin in enumerate(allowed):
        for last in range(first, len(allowed)):
            most = buckets.burst + rate * (allowed[last] - begin)
            assert last - first + 1 <= most + 0.01


@given(RATES, st.lists(st.floats(1, 3), max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(rate, gaps):
    clock = Clock()
    buckets = TokenBuckets(rate, 10, clock)
    for gap in [1.0, *gaps]:
        clock.now += gap / rate
        assert buckets.take("a").is_allowed


@given(RATES, st.lists(st.floats(0, 3), max_size=60))
@example(26.5, [])  # where roundings of a late clock added up
def test_what_is_told_is_true(rate, gaps):
    """As many as are left are let in at once; who is refused and waits as told is let in; and who
    comes a second earlier is not.
    """
    clock = Clock()
    buckets = TokenBuckets(rate, 10, clock)
    for gap in gaps:
        clock.now += gap / rate
        standing = buckets.take("a")
        assert standing.next_seconds >= 1
        assert standing.is_allowed or standing.left == 0
    left = buckets.take("a").left
    if left < 1000:
        assert all(buckets.take("a").is_allowed for _ in range(left))
        refused = buckets.take("a")
        assert not refused.is_allowed
        if refused.next_seconds > 1:
            clock.now += refused.next_seconds - 1
            assert not buckets.take("a").is_allowed
            clock.now += 1
        else:
            clock.now += 1
        assert buckets.take("a").is_allowed


@pytest.mark.parametrize(
    ("rate", "burst", "window"),
    [(0.3, 1, 4), (1, 1, 1), (2.5, 3, 2), (10, 10, 1), (0.001, 1, 1000)],
)
def test_the_burst_is_a_seconds_requests_and_one_at_least(clock, rate, burst, window):
    buckets = TokenBuckets(rate, 10, clock)
    assert (buckets.burst, buckets.window_seconds) == (burst, window)
    taken = 0
    while buckets.take("a").is_allowed:
        taken += 1
    assert taken == burst


def test_a_caller_is_told_when_there_is_one_more(clock):
    buckets = TokenBuckets(0.2, 10, clock)
    assert buckets.take("a").next_seconds == 5
    assert buckets.take("a").next_seconds == 5
    clock.now += 1.5
    standing = buckets.take("a")
    assert (standing.is_allowed, standing.left, standing.next_seconds) == (False, 0, 4)
    clock.now += 3.5
    assert buckets.take("a").is_allowed


def test_a_refusal_costs_no_token(clock):
    buckets = TokenBuckets(1, 10, clock)
    assert buckets.take("a").is_allowed
    for _ in range(100):
        clock.now += 0.009
        assert not buckets.take("a").is_allowed
    clock.now += 0.2
    assert buckets.take("a").is_allowed


def test_callers_do_not_share(clock):
    buckets = TokenBuckets(1, 10, clock)
    assert [buckets.take(caller).is_allowed for caller in "abab"] == [True, True, False, False]


def test_what_is_kept_is_bounded_and_the_longest_unused_goes_first(clock):
    buckets = TokenBuckets(0.01, 1000, clock)
    for number in range(5000):
        clock.now += 0.001
        assert buckets.take(str(number)).is_allowed
        assert len(buckets) <= 1000
    assert not buckets.take("4999").is_allowed
    assert not buckets.take("4000").is_allowed
    assert buckets.take("3999").is_allowed


def test_full_buckets_are_forgotten(clock):
    buckets = TokenBuckets(2, 1000, clock)
    for number in range(500):
        buckets.take(str(number))
    clock.now += 1
    for _ in range(500):
        clock.now += 1
        buckets.take("a")
    assert len(buckets) == 1


def test_a_clock_that_stands_still_lets_the_burst_in_and_no_more(clock):
    buckets = TokenBuckets(7.5, 10, clock)
    assert sum(buckets.take("a").is_allowed for _ in range(100)) == math.ceil(7.5)
