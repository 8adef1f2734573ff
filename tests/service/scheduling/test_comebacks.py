"""What was refused counts as far as callers come back, until it is known whether they did."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.comebacks import (
    LATE_SECONDS,
    MOST_SECONDS,
    SLOT_SECONDS,
    Comebacks,
    _slot_of,
)

GIVEN_UP_SECONDS = LATE_SECONDS + 2 * SLOT_SECONDS
"""After the time that was told: nobody is waited for any more."""

FAR = 70
"""Seconds, in which everyone comes back."""


def expected_within(comebacks, now, seconds):
    """Seconds of work that will come back from now until then."""
    return next(itertools.islice(comebacks.by_second(now), seconds - 1, None))


def refused(comebacks, count, seconds, now, until):
    for _ in range(count):
        comebacks.refused(seconds, now, until)


def test_a_crowd_of_which_nothing_is_known_is_expected_back_whole():
    comebacks = Comebacks(workers=2)
    expected = []
    for _ in range(3):
        expected.append(expected_within(comebacks, 10.0, 1))
        comebacks.refused(1.5, now=10.0, until=11.0)
    assert expected == [0.0, 1.5, 3.0]


def test_those_who_come_back_are_expected_no_more_and_the_others_still_are():
    comebacks = Comebacks(workers=2)
    refused(comebacks, 4, 1.0, now=10.0, until=11.0)
    refused(comebacks, 4, 1.0, now=10.0, until=12.0)
    for _ in range(4):
        comebacks.returned(now=11.0)
    assert expected_within(comebacks, 11.0, 1) == pytest.approx(4.0)
    assert comebacks.share == 1.0


def test_who_was_told_a_later_time_is_not_expected_before():
    comebacks = Comebacks(workers=2)
    for told, seconds in ((1.0, 0.5), (2.0, 0.25), (5.0, 4.0)):
        comebacks.refused(seconds, now=10.0, until=10.0 + told)
    expected = [expected_within(comebacks, 10.0, told) for told in range(1, 7)]
    assert expected == [0.5, 0.75, 0.75, 0.75, 4.75, 4.75]


def test_who_never_comes_back_makes_nobody_wait():
    comebacks = Comebacks(workers=2)
    refused(comebacks, 100, 1.0, now=10.0, until=11.0)
    assert expected_within(comebacks, 11.0, 1) == pytest.approx(100.0)
    now = 11.0 + GIVEN_UP_SECONDS
    assert expected_within(comebacks, now, FAR) == 0.0
    comebacks.refused(1.0, now, until=now + 1.0)
    assert expected_within(comebacks, now, FAR) < 0.03


def test_the_share_of_those_who_come_back_is_learned():
    comebacks, now = Comebacks(workers=2), 10.0
    for _ in range(20):
        refused(comebacks, 40, 1.0, now, until=now + 1.0)
        for _ in range(10):
            comebacks.returned(now + 1.0)
        now += 1.0 + GIVEN_UP_SECONDS
        expected_within(comebacks, now, 1)
    assert comebacks.share == pytest.approx(0.25, abs=0.05)


def test_what_was_learned_is_forgotten():
    comebacks = Comebacks(workers=2)
    refused(comebacks, 1000, 1.0, now=10.0, until=11.0)
    expected_within(comebacks, 11.0 + GIVEN_UP_SECONDS, FAR)
    assert comebacks.share < 0.01
    assert expected_within(comebacks, 40.0, FAR) == 0.0
    assert comebacks.share > 0.99


@given(
    st.lists(
        st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 10), st.integers(1, 60)),
        max_size=100,
    )
)
def test_no_more_is_expected_than_was_refused_nor_than_the_most(events):
    comebacks, now, out = Comebacks(workers=3), 0.0, 0.0
    for returns, seconds, pause, told in events:
        now += pause
        if returns:
            comebacks.returned(now)
        else:
            comebacks.refused(seconds, now, now + told)
            out += seconds
        assert 0.0 <= comebacks.share <= 1.0
        expected = expected_within(comebacks, now, 10), expected_within(comebacks, now, FAR)
        assert 0.0 <= expected[0] <= expected[1] <= min(out, 3 * MOST_SECONDS) * (1 + 1e-9)
    assert expected_within(comebacks, now + 60 + GIVEN_UP_SECONDS, FAR) == 0.0


@given(st.lists(st.tuples(st.floats(1e-3, 10), st.integers(1, 60)), min_size=1, max_size=60))
def test_a_crowd_that_comes_back_as_told_leaves_nothing_behind(crowd):
    comebacks = Comebacks(workers=1)
    for seconds, told in crowd:
        comebacks.refused(seconds, 100.0, 100.0 + told)
    for _, told in sorted(crowd, key=lambda each: each[1]):
        comebacks.returned(100.0 + told)
    assert comebacks.share == 1.0
    assert expected_within(comebacks, 100.0 + max(told for _, told in crowd), FAR) == 0.0


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60), st.integers(1, FAR))
def test_what_is_expected_is_the_work_of_those_who_are_given_up_by_then(waits, seconds):
    comebacks = Comebacks(workers=1)
    for wait in waits:
        comebacks.refused(0.5, now=0.0, until=wait)
    given_up = [wait for wait in waits if _slot_of(wait) <= _slot_of(seconds)]
    assert expected_within(comebacks, 0.0, seconds) == pytest.approx(0.5 * len(given_up))
