"""When there is a crowd, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.crowd import CROWD_ROWS, CROWD_SHORT_ROWS, DISPERSED_ROWS, Crowd, RowCounts

workers = pytest.mark.parametrize("workers", [1, 2, 16])
MANY, MANY_SHORT, FEW = CROWD_ROWS, CROWD_SHORT_ROWS, DISPERSED_ROWS


@workers
def test_many_rows_are_a_crowd_and_so_are_fewer_short_ones(workers):
    assert not Crowd(workers).is_here(RowCounts(MANY * workers - 1, MANY_SHORT * workers - 1))
    assert Crowd(workers).is_here(RowCounts(MANY * workers, 0))
    assert Crowd(workers).is_here(RowCounts(MANY_SHORT * workers, MANY_SHORT * workers))


@workers
def test_a_crowd_is_over_when_few_are_left_and_not_before(workers):
    crowd = Crowd(workers)
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0))
    assert crowd.is_here(RowCounts(MANY * workers, 0))
    assert crowd.is_here(RowCounts(FEW * workers + 1, 0))
    assert not crowd.is_here(RowCounts(FEW * workers, 0))
    assert not crowd.is_here(RowCounts(FEW * workers + 1, 0))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
def test_there_is_one_since_there_were_many_and_not_few_since(counts):
    crowd, expected = Crowd(2), False
    for count, short in counts:
        rows = RowCounts(count + short, short)
        many = rows.all >= 2 * MANY or rows.short >= 2 * MANY_SHORT
        expected = many or (expected and rows.all > 2 * FEW)
        assert crowd.is_here(rows) is expected
