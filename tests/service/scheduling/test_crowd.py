"""When there is a crowd, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.crowd import (
    CROWD_ROWS,
    CROWD_SHORT_ROWS,
    DISPERSED_ROWS,
    PASSING_SECONDS,
    STEADY_ROWS,
    STEADY_SECONDS,
    STEADY_SWING,
    STEADY_TIMES,
    Crowd,
    RowCounts,
)

workers = pytest.mark.parametrize("workers", [1, 2, 16])
MANY, MANY_SHORT, FEW = CROWD_ROWS, CROWD_SHORT_ROWS, DISPERSED_ROWS
START = 1000.0
SOON = 0.01
"""Seconds in which all of them are run: not what decides."""


@workers
def test_many_rows_are_a_crowd_and_so_are_fewer_short_ones(workers):
    few = RowCounts(MANY * workers - 1, MANY_SHORT * workers - 1)
    assert not Crowd(workers).is_here(few, SOON, START)
    assert Crowd(workers).is_here(RowCounts(MANY * workers, 0), SOON, START)
    assert Crowd(workers).is_here(
        RowCounts(MANY_SHORT * workers, MANY_SHORT * workers), SOON, START
    )


@workers
def test_a_crowd_is_over_when_few_are_left_and_not_before(workers):
    crowd = Crowd(workers)
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0), SOON, START)
    assert crowd.is_here(RowCounts(MANY * workers, 0), SOON, START)
    assert crowd.is_here(RowCounts(FEW * workers + 1, 0), SOON, START)
    assert not crowd.is_here(RowCounts(FEW * workers, 0), SOON, START)
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0), SOON, START)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
def test_there_is_one_since_there_were_many_and_not_few_since(counts):
    crowd, expected = Crowd(2), False
    for count, short in counts:
        rows = RowCounts(count + short, short)
        many = rows.all >= 2 * MANY or rows.short >= 2 * MANY_SHORT
        expected = many or (expected and rows.all > 2 * FEW)
        assert crowd.is_here(rows, SOON, START) is expected


def steadily(crowd, rows, seconds, start=START, *, run_in=SOON):
    """What it says every tenth of a second, and when that ends."""
    at = [start + tenth / 10 for tenth in range(int(seconds * 10) + 1)]
    return [crowd.is_here(RowCounts(rows, 0), run_in, now) for now in at], at[-1]


@workers
def test_rows_that_stay_as_many_are_a_crowd_and_fewer_never(workers):
    seen, _ = steadily(Crowd(workers), STEADY_ROWS * workers, STEADY_SECONDS + 1)
    assert seen.index(True) == pytest.approx(STEADY_SECONDS * 10, abs=1)
    assert all(seen[seen.index(True) :])
    seen, _ = steadily(Crowd(workers), STEADY_ROWS * workers - 1, STEADY_SECONDS * 10)
    assert not any(seen)


def test_rows_that_take_long_have_to_stay_longer():
    run_in = STEADY_SECONDS
    longer = STEADY_TIMES * run_in
    seen, _ = steadily(Crowd(2), STEADY_ROWS * 2, longer + 1, run_in=run_in)
    assert seen.index(True) == pytest.approx(longer * 10, abs=1)


def test_rows_that_go_up_and_down_are_none_until_there_are_many():
    crowd, now = Crowd(2), START
    low, high = STEADY_ROWS * 2, STEADY_ROWS * 2 + 2 * STEADY_SWING + 1
    for _ in range(20):
        for rows in range(low, high + 1):
            assert not crowd.is_here(RowCounts(rows, 0), SOON, now)
            now += STEADY_SECONDS / 4
    assert crowd.is_here(RowCounts(CROWD_ROWS * 2, 0), SOON, now)


@pytest.mark.parametrize("fewer", [0, (STEADY_ROWS - STEADY_SWING) * 2 - 1])
def test_a_moment_with_fewer_rows_is_no_end_and_longer_is(fewer):
    crowd, many, few = Crowd(2), RowCounts(STEADY_ROWS * 2, 0), RowCounts(fewer, 0)
    seen, end = steadily(crowd, many.all, STEADY_SECONDS)
    assert seen[-1]
    assert crowd.is_here(few, SOON, end + 1), "its callers may be back in a moment"
    assert crowd.is_here(many, SOON, end + 1 + PASSING_SECONDS * 0.9)
    assert crowd.is_here(few, SOON, end + 2)
    assert not crowd.is_here(few, SOON, end + 2 + PASSING_SECONDS * 1.1)
    assert not crowd.is_here(many, SOON, end + 2 + PASSING_SECONDS * 1.2), "it begins anew"


def test_rows_after_a_while_in_which_nobody_asked_are_no_crowd_yet():
    crowd, many = Crowd(2), RowCounts(STEADY_ROWS * 2, 0)
    assert not crowd.is_here(many, SOON, START)
    assert not crowd.is_here(RowCounts(0, 0), SOON, START + 0.2)
    assert not crowd.is_here(many, SOON, START + 3600)


@given(st.lists(st.tuples(st.integers(0, 11), st.floats(0.001, 1.0)), max_size=60))
def test_fewer_rows_than_stay_end_it_within_the_moment_that_passes(steps):
    crowd, now = Crowd(2), START
    for rows, seconds in steps:
        crowd.is_here(RowCounts(rows, 0), SOON, now)
        now += seconds
    crowd.is_here(RowCounts(0, 0), SOON, now)
    assert not crowd.is_here(RowCounts(0, 0), SOON, now + PASSING_SECONDS * 2)
