"""When there is a crowd, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.crowd import (
    CROWD_ROWS,
    CROWD_SHORT_ROWS,
    DISPERSED_ROWS,
    LASTING_ROWS,
    LASTING_SECONDS,
    PASSING_SECONDS,
    Crowd,
    RowCounts,
)

workers = pytest.mark.parametrize("workers", [1, 2, 16])
MANY, MANY_SHORT, FEW = CROWD_ROWS, CROWD_SHORT_ROWS, DISPERSED_ROWS
START = 1000.0


@workers
def test_many_rows_are_a_crowd_and_so_are_fewer_short_ones(workers):
    few = RowCounts(MANY * workers - 1, MANY_SHORT * workers - 1)
    assert not Crowd(workers).is_here(few, START)
    assert Crowd(workers).is_here(RowCounts(MANY * workers, 0), START)
    assert Crowd(workers).is_here(RowCounts(MANY_SHORT * workers, MANY_SHORT * workers), START)


@workers
def test_a_crowd_is_over_when_few_are_left_and_not_before(workers):
    crowd = Crowd(workers)
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0), START)
    assert crowd.is_here(RowCounts(MANY * workers, 0), START)
    assert crowd.is_here(RowCounts(FEW * workers + 1, 0), START)
    assert not crowd.is_here(RowCounts(FEW * workers, 0), START)
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0), START)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
def test_there_is_one_since_there_were_many_and_not_few_since(counts):
    crowd, expected = Crowd(2), False
    for count, short in counts:
        rows = RowCounts(count + short, short)
        many = rows.all >= 2 * MANY or rows.short >= 2 * MANY_SHORT
        expected = many or (expected and rows.all > 2 * FEW)
        assert crowd.is_here(rows, START) is expected


@workers
def test_rows_that_last_are_a_crowd_and_one_less_never(workers):
    crowd, calm = Crowd(workers), Crowd(workers)
    lasting, less = RowCounts(LASTING_ROWS * workers, 0), RowCounts(LASTING_ROWS * workers - 1, 0)
    seen = [
        (crowd.is_here(lasting, START + at / 10), calm.is_here(less, START + at / 10))
        for at in range(int(LASTING_SECONDS * 20))
    ]
    assert seen == [(at / 10 >= LASTING_SECONDS, False) for at in range(len(seen))]


def test_a_moment_with_fewer_rows_is_no_end_and_longer_is():
    crowd = Crowd(1)
    lasting, few = RowCounts(LASTING_ROWS, 0), RowCounts(0, 0)
    end = START + LASTING_SECONDS
    assert not crowd.is_here(lasting, START)
    assert not crowd.is_here(few, START + 1)
    assert not crowd.is_here(lasting, START + 1 + PASSING_SECONDS * 0.9)
    assert crowd.is_here(lasting, end)
    assert crowd.is_here(few, end + 1), "its callers may be back in a moment"
    assert crowd.is_here(few, end + 1 + PASSING_SECONDS * 0.9)
    assert not crowd.is_here(few, end + 1 + PASSING_SECONDS * 1.1)
    assert not crowd.is_here(lasting, end + 1 + PASSING_SECONDS * 1.2), "it begins anew"
    assert not crowd.is_here(lasting, end + LASTING_SECONDS)
    assert crowd.is_here(lasting, end + 1 + PASSING_SECONDS * 1.2 + LASTING_SECONDS)


def test_rows_after_a_while_in_which_nobody_asked_are_no_crowd_yet():
    crowd = Crowd(2)
    lasting = RowCounts(LASTING_ROWS * 2, 0)
    assert not crowd.is_here(lasting, START)
    assert not crowd.is_here(RowCounts(0, 0), START + 0.2)
    assert not crowd.is_here(lasting, START + 3600)
