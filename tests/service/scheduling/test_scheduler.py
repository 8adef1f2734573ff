"""Admission, order, deadlines, hang-ups and failures, on a clock that the test turns."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.scheduling.errors import ClosedError, DeadlineExceededError, QueueFullError
from tests.service.scheduling.conftest import Bench


def test_every_sequence_gets_its_own_answer_in_the_order_of_the_request(bench):
    submission = bench.submit(5, 60, 5, 200, 7)
    bench.run_all()
    assert [len(row[0]) for row in submission.logits] == [5, 60, 5, 200, 7]
    assert bench.done == [submission]


def test_sequences_of_different_callers_share_a_run(bench):
    first, second = bench.submit(30), bench.submit(30)
    third, fourth = bench.submit(30), bench.submit(30)
    runs = bench.scheduler.take(), bench.scheduler.take()
    callers = [[ticket.submission for ticket in run.tickets] for run in runs]
    assert callers == [[first, second], [third, fourth]]


def test_models_never_share_a_run(bench):
    bench.submit(30, model="a")
    bench.submit(30, model="b")
    assert bench.run_all() == [[30], [30]]


def test_work_for_one_batch_is_shared_among_the_workers(bench):
    bench.submit(20, 20, 20, 20)
    assert [len(bench.scheduler.take().tickets) for _ in range(2)] == [2, 2]


def test_a_worker_that_is_idle_alone_takes_all_that_fits(bench):
    bench.submit(200)
    bench.scheduler.take()
    bench.submit(20, 20, 20, 20)
    assert len(bench.scheduler.take().tickets) == 4


def test_a_queue_with_more_predicted_work_than_may_wait_refuses(bench):
    for _ in range(5):
        bench.submit(100)
    with pytest.raises(QueueFullError) as refusal:
        bench.submit(100)
    assert refusal.value.retry_after_seconds == pytest.approx(0.1 / 2)
    assert bench.recorder.queue == (5, pytest.approx(0.25))


def test_a_request_larger_than_the_queue_is_admitted_when_nothing_waits(bench):
    bench.submit(*[400] * 10)
    with pytest.raises(QueueFullError):
        bench.submit(5)


def test_what_is_still_being_tokenised_counts_as_waiting(bench):
    reservation = bench.scheduler.reserve("a", [500], bench.clock() + 30)
    with pytest.raises(QueueFullError):
        bench.submit(100)
    bench.scheduler.release(reservation)
    bench.scheduler.release(reservation)
    bench.submit(100)


def test_a_deadline_that_cannot_be_met_is_refused_at_the_door(bench):
    bench.submit(400)
    with pytest.raises(DeadlineExceededError, match=r"predicted to take 0\.25 s"):
        bench.submit(100, timeout=0.2)
    bench.submit(100, timeout=0.3)


def test_a_request_past_its_deadline_never_reaches_the_model(bench):
    late = bench.submit(10, timeout=1.0)
    patient = bench.submit(10, timeout=10.0)
    bench.clock.now += 2.0
    assert bench.run_all() == [[10]]
    assert isinstance(late.error, DeadlineExceededError)
    assert patient.error is None


def test_one_late_sequence_takes_its_whole_request_out_of_the_queue(bench):
    late = bench.submit(10, 11, 12, 13, timeout=1.0)
    bench.clock.now += 2.0
    assert bench.run_all() == []
    assert bench.done == [late]
    assert bench.recorder.queue == (0, 0.0)


def test_a_caller_that_leaves_frees_its_place_before_it_runs(bench):
    leaving = bench.submit(*[100] * 5)
    bench.scheduler.cancel(leaving)
    assert bench.recorder.queue == (0, 0.0)
    bench.submit(7)
    assert bench.run_all() == [[7]]
    assert leaving not in bench.done


def test_a_thousand_callers_that_left_leave_nothing_behind(bench):
    for _ in range(1000):
        bench.scheduler.cancel(bench.submit(100))
    assert len(bench.scheduler._due) <= 100
    assert bench.scheduler.queue_is_idle()


def test_the_oldest_request_is_never_passed_over(bench):
    bench.submit(200)
    for _ in range(10):
        bench.clock.now += 0.001
        bench.submit(10)
    assert bench.run_all()[0] == [200]


def test_a_short_question_overtakes_the_later_windows_of_a_long_document(bench):
    bench.submit(*[300] * 10)
    bench.clock.now += 0.5
    with pytest.raises(QueueFullError):
        bench.submit(10)
    bench.scheduler._backlog._room_seconds = 60
    bench.submit(10)
    order = [lengths[0] for lengths in bench.run_all()]
    assert order.index(10) == 2


def test_an_error_in_one_row_fails_its_request_and_no_other(bench):
    broken, healthy = bench.submit(20, 40), bench.submit(20)
    bench.submit(20)
    run = bench.scheduler.take()
    answers = [
        ValueError("bad row") if ticket.submission is broken else (np.zeros(1),)
        for ticket in run.tickets
    ]
    assert {ticket.submission for ticket in run.tickets} >= {broken, healthy}
    bench.scheduler.finish(run, answers, 0.0)
    assert isinstance(broken.error, ValueError)
    assert healthy.error is None
    assert [40] not in bench.run_all()


def test_a_failed_batch_teaches_the_cost_model_nothing_and_is_not_reported(bench):
    bench.submit(20)
    run = bench.scheduler.take()
    bench.scheduler.finish(run, [ValueError("bad")], 0.0)
    assert bench.recorder.batches == []


def test_batches_are_reported_with_real_and_padded_tokens(bench):
    for length in (39, 40, 40, 40):
        bench.submit(length)
    bench.run_all(seconds=0.5)
    assert bench.recorder.batches == [("a", 2, 79, 80, 0.5), *[("a", 1, 40, 40, 0.5)] * 2]


def test_closing_finishes_what_was_admitted_and_refuses_the_rest(bench):
    bench.submit(10)
    reservation = bench.scheduler.reserve("a", [10], bench.clock() + 30)
    bench.scheduler.close()
    with pytest.raises(ClosedError):
        bench.submit(10)
    with pytest.raises(ClosedError):
        bench.scheduler.submit(reservation, [], bench.done.append)
    assert bench.run_all() == [[10]]


def test_abandoning_refuses_everything_that_waits(bench):
    first, second = bench.submit(10, 10), bench.submit(30)
    bench.scheduler.abandon()
    assert bench.run_all() == []
    assert set(bench.done) == {first, second}
    assert all(isinstance(submission.error, ClosedError) for submission in bench.done)


def test_an_idle_worker_wakes_for_new_work_and_for_the_end(bench):
    taken = []
    worker = threading.Thread(target=lambda: taken.extend(iter(bench.scheduler.take, None)))
    worker.start()
    bench.submit(10)
    bench.scheduler.close()
    worker.join(5)
    assert [run.padded_length for run in taken] == [10]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 400), min_size=1, max_size=6),
            st.sampled_from(["a", "b"]),
            st.floats(0, 0.05),
            st.booleans(),
            st.floats(0.05, 5),
        ),
        max_size=40,
    )
)
def test_every_admitted_request_ends_exactly_once(requests):
    """Nothing is lost, nothing is answered twice, and an empty queue weighs nothing."""
    bench = Bench()
    admitted, cancelled = [], []
    for lengths, model, pause, leaves, timeout in requests:
        bench.clock.now += pause
        try:
            submission = bench.submit(*lengths, model=model, timeout=timeout)
        except (QueueFullError, DeadlineExceededError):
            continue
        if leaves:
            bench.scheduler.cancel(submission)
            cancelled.append(submission)
        else:
            admitted.append((submission, lengths))
    bench.run_all()
    assert sorted(map(id, bench.done)) == sorted(id(submission) for submission, _ in admitted)
    for submission, lengths in admitted:
        if submission.error is None:
            assert [len(row[0]) for row in submission.logits] == lengths
    assert bench.recorder.queue == (0, 0.0)
    assert bench.scheduler.queue_is_idle()
