"""Sums of predicted work end at exactly zero, and room is what the limit says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.backlog import Backlog, Sum
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority

INTERACTIVE, BULK = Priority


@given(st.lists(st.floats(1e-9, 1e3), min_size=1), st.randoms(use_true_random=False))
def test_a_sum_from_which_everything_was_taken_is_zero(costs, random):
    total = Sum()
    for cost in costs:
        total.add(cost)
    random.shuffle(costs)
    for cost in costs:
        total.remove(cost)
    assert (total.count, total.seconds) == (0, 0.0)


def test_the_room_is_that_of_all_workers_together():
    backlog = Backlog(workers=4, max_queue_seconds=2.0)
    backlog.lanes[INTERACTIVE].waiting.add(5.0)
    backlog.lanes[INTERACTIVE].reserved.add(1.0)
    backlog.admit(INTERACTIVE, 2.0, deadline=100, now=0)
    with pytest.raises(QueueFullError) as refusal:
        backlog.admit(INTERACTIVE, 4.0, deadline=100, now=0)
    assert refusal.value.retry_after_seconds == pytest.approx(2.0 / 4)
    assert (refusal.value.priority, refusal.value.queue_seconds) == (INTERACTIVE, 1.5)
    assert backlog.queue_seconds == 1.5


def test_work_larger_than_the_room_is_admitted_alone():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.running.add(0.5)
    backlog.admit(INTERACTIVE, 50.0, deadline=100, now=0)
    backlog.lanes[INTERACTIVE].reserved.add(0.1)
    backlog.lanes[INTERACTIVE].reserved.remove(0.1)
    backlog.admit(INTERACTIVE, 50.0, deadline=100, now=0)


def test_what_would_be_done_after_its_deadline_is_refused():
    backlog = Backlog(workers=2, max_queue_seconds=9.0)
    backlog.running.add(2.0)
    backlog.admit(INTERACTIVE, 2.0, deadline=12.0, now=10.0)
    with pytest.raises(DeadlineExceededError, match=r"2\.5 s and the deadline is in 2 s"):
        backlog.admit(INTERACTIVE, 3.0, deadline=12.0, now=10.0)
