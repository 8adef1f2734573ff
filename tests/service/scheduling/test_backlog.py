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


def test_what_runs_now_is_not_ahead_of_who_waits_for_room():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.running.add(5.0)
    backlog.lanes[INTERACTIVE].waiting.add(1.0)
    with pytest.raises(QueueFullError) as refusal:
        backlog.admit(INTERACTIVE, 0.5, deadline=100, now=0)
    assert refusal.value.retry_after_seconds == 0.5


def test_a_crowd_is_spread_over_the_seconds_in_which_it_can_be_run():
    backlog = Backlog(workers=2, max_queue_seconds=1.0)
    backlog.lanes[INTERACTIVE].waiting.add(2.0)
    told = []
    for _ in range(30):
        with pytest.raises(QueueFullError) as refusal:
            backlog.admit(INTERACTIVE, 0.2, deadline=100, now=0)
        told.append(refusal.value.told_seconds)
    # The two workers run ten of these a second; in the first also one that must make room.
    assert told == [1] * 9 + [2] * 10 + [3] * 10 + [4]


@given(st.lists(st.floats(0.01, 0.5), max_size=200), st.integers(1, 4))
def test_no_more_of_a_crowd_is_told_a_time_than_can_be_run_by_then(crowd, workers):
    backlog = Backlog(workers, max_queue_seconds=2.0)
    backlog.lanes[INTERACTIVE].waiting.add(2.0 * workers)
    work_told: dict[int, float] = {}
    for seconds in crowd:
        told = backlog.refusal(INTERACTIVE, seconds, 0.0, asked=seconds).told_seconds
        work_told[told] = work_told.get(told, 0.0) + seconds
        # It could not have been told any second before.
        if told > 1:
            earlier = sum(work for each, work in work_told.items() if each < told)
            assert earlier + seconds > (told - 1) * workers * (1 - 1e-9)
    for told in work_told:
        by_then = sum(work for each, work in work_told.items() if each <= told)
        # Of each second a short one may still get what a longer one found too little.
        assert by_then <= told * (workers + max(crowd)) * (1 + 1e-9)


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


def test_short_requests_get_no_room_that_longer_ones_are_refused():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.lanes[INTERACTIVE].waiting.add(0.81)
    for seconds in (0.001, 0.19):
        with pytest.raises(QueueFullError):
            backlog.admit(INTERACTIVE, seconds, deadline=100, now=0)
    backlog.admit(BULK, 0.19, deadline=100, now=0)


def test_who_waited_as_told_has_the_room_that_is_kept():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.lanes[INTERACTIVE].waiting.add(0.91)
    backlog.admit(INTERACTIVE, 0.09, deadline=100, now=0, patient=True)
    with pytest.raises(QueueFullError):
        backlog.admit(INTERACTIVE, 0.1, deadline=100, now=0, patient=True)


def test_who_was_let_in_has_that_room_too_for_what_came_later_has_taken_the_other():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.lanes[INTERACTIVE].waiting.add(0.9)
    backlog.admit(INTERACTIVE, 0.09, deadline=100, now=0, let_in=True)
    with pytest.raises(QueueFullError):
        backlog.admit(INTERACTIVE, 0.11, deadline=100, now=0, let_in=True)


def test_what_is_still_coming_takes_the_room_of_what_is_typical():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    for _ in range(10):
        backlog.admit(INTERACTIVE, 0.1, deadline=100, now=0)
    assert [backlog.is_full(INTERACTIVE, coming) for coming in (0, 8, 9)] == [False, False, True]
    backlog.lanes[INTERACTIVE].waiting.add(0.5)
    assert [backlog.is_full(INTERACTIVE, coming) for coming in (0, 3, 4)] == [False, False, True]


def test_one_request_says_little_of_those_that_come_after_it():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.admit(INTERACTIVE, 0.1, deadline=100, now=0)
    assert [backlog.is_full(INTERACTIVE, coming) for coming in (80, 81)] == [False, True]


@pytest.mark.parametrize("before", [0, 20])
def test_a_giant_is_not_typical(before):
    backlog = Backlog(workers=2, max_queue_seconds=2.0)
    for _ in range(before):
        backlog.admit(INTERACTIVE, 0.002, deadline=100, now=0)
    for _ in range(3):
        backlog.admit(INTERACTIVE, 10.0, deadline=100, now=0, sequences=250)
    for _ in range(20):
        backlog.admit(INTERACTIVE, 0.002, deadline=100, now=0)
    assert not backlog.is_full(INTERACTIVE, 32)
    backlog.admit(BULK, 10.0, deadline=100, now=0)
    told = [backlog.refuse_unread(INTERACTIVE, now=0).told_seconds for _ in range(20)]
    assert max(told) <= 2


def test_what_is_typical_of_bulk_is_not_of_interactive_work():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    for _ in range(20):
        backlog.admit(INTERACTIVE, 0.001, deadline=100, now=0)
        backlog.admit(BULK, 1.0, deadline=100, now=0)
    assert not backlog.is_full(INTERACTIVE, 700)


def test_a_request_that_nobody_read_is_refused_as_a_typical_one():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    for _ in range(300):
        backlog.admit(INTERACTIVE, 0.2, deadline=100, now=0)
    backlog.lanes[INTERACTIVE].waiting.add(1.0)
    told = [backlog.refuse_unread(INTERACTIVE, now=0).retry_after_seconds for _ in range(4)]
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.01)


def test_those_refused_in_one_moment_are_told_the_same_and_counted_each():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    for _ in range(300):
        backlog.admit(INTERACTIVE, 0.03, deadline=100, now=0)
    backlog.lanes[INTERACTIVE].waiting.add(1.0)

    def told(now):
        return backlog.refuse_unread(INTERACTIVE, now).retry_after_seconds

    in_one_moment = [told(0.0) for _ in range(18)]  # eight are less than a quarter of a second
    assert in_one_moment == pytest.approx([0.2] * 8 + [0.44] * 8 + [0.68] * 2)
    assert told(0.01) == pytest.approx(0.68)
    assert told(0.021) == pytest.approx(0.2 + 19 * 0.03)


def test_bulk_is_not_told_what_interactive_work_is_told():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    for _ in range(300):
        backlog.admit(INTERACTIVE, 0.02, deadline=100, now=0)
    backlog.lanes[BULK].waiting.add(1.0)
    refusals = [backlog.refuse_unread(priority, now=0) for priority in (INTERACTIVE, BULK)]
    assert [refusal.priority for refusal in refusals] == [INTERACTIVE, BULK]


def test_what_is_typical_is_known_from_the_first_request_on():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.admit(INTERACTIVE, 0.2, deadline=100, now=0)
    backlog.admit(INTERACTIVE, 0.4, deadline=100, now=0)
    backlog.lanes[INTERACTIVE].waiting.add(1.0)
    told = [backlog.refuse_unread(INTERACTIVE, now=0).retry_after_seconds for _ in range(2)]
    assert told == pytest.approx([0.2, 0.5])


def test_who_waited_is_not_put_behind_those_who_are_yet_to_come_back():
    backlog = Backlog(workers=1, max_queue_seconds=1.0)
    backlog.lanes[INTERACTIVE].waiting.add(1.0)
    told = []
    for patient in (False, False, True):
        with pytest.raises(QueueFullError) as refusal:
            backlog.admit(INTERACTIVE, 0.3, deadline=100, now=0, patient=patient)
        told.append(refusal.value.retry_after_seconds)
    assert told == pytest.approx([0.3, 0.6, 0.3])
