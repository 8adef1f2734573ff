"""What was refused counts as far as callers come back, and is run meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.comebacks import MOST_SECONDS, Comebacks


def test_who_never_comes_back_makes_nobody_wait():
    comebacks = Comebacks(workers=2)
    for _ in range(100):
        comebacks.refused(1.0, now=10.0)
    assert comebacks.expected(10.0) == 0.0


def test_where_all_come_back_each_is_put_behind_those_before():
    comebacks = Comebacks(workers=2)
    for _ in range(4):
        comebacks.refused(1.0, now=10.0)
    for _ in range(4):
        comebacks.returned(now=11.0)
    expected = []
    for _ in range(3):
        expected.append(comebacks.expected(11.0))
        comebacks.refused(1.0, now=11.0)
    assert expected == pytest.approx([0.0, 0.8, 1.47], abs=0.05)
    assert comebacks.expected(12.0) == pytest.approx(0.06, abs=0.05)
    assert comebacks.expected(13.0) == 0.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 10)), max_size=100))
def test_nobody_waits_longer_than_the_most(events):
    comebacks, now = Comebacks(workers=3), 0.0
    for returns, seconds, pause in events:
        now += pause
        if returns:
            comebacks.returned(now)
        else:
            comebacks.refused(seconds, now)
        assert 0.0 <= comebacks.expected(now) <= 3 * MOST_SECONDS
