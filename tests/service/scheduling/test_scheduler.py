"""Admission, deadlines, hang-ups and failures, on a clock that the test turns."""

import threading
import weakref
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.runtime.session import StoppedError
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.crowd import CROWD_ROWS
from service.scheduling.errors import ClosedError, DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority
from tests.service.scheduling.conftest import Bench, Idle, sequence


def test_every_sequence_gets_its_own_answer_in_the_order_of_the_request(bench):
    submission = bench.submit(5, 60, 5, 200, 7)
    bench.run_all()
    assert [len(row[0]) for row in submission.logits] == [5, 60, 5, 200, 7]
    assert bench.done == [submission]


def test_sequences_of_different_callers_share_a_run(bench):
    first, second = bench.submit(30), bench.submit(30)
    third, fourth = bench.submit(30), bench.submit(30)
    runs = bench.scheduler.poll(), bench.scheduler.poll()
    callers = [
        [submission for ticket in run.tickets for submission in ticket.claims] for run in runs
    ]
    assert callers == [[first, second], [third, fourth]]


def test_models_never_share_a_run(bench):
    bench.submit(30, model="a")
    bench.submit(30, model="b")
    assert bench.run_all() == [[30], [30]]


def test_a_queue_with_more_predicted_work_than_may_wait_refuses(bench):
    for _ in range(5):
        bench.submit(100)
    with pytest.raises(QueueFullError) as refusal:
        bench.submit(100)
    assert refusal.value.retry_after_seconds == pytest.approx(0.1 / 2)
    assert bench.scheduler.queue() == (5, pytest.approx(0.25))


def test_a_request_larger_than_the_queue_is_admitted_when_nothing_waits(bench):
    bench.submit(1000)
    with pytest.raises(QueueFullError):
        bench.submit(5)


def test_a_giant_request_leaves_half_of_the_room_to_others_but_not_to_another_giant(bench):
    bench.submit(*[100] * 40)
    with pytest.raises(QueueFullError):
        bench.submit(*[200] * 2)
    bench.submit(201)
    assert bench.scheduler.queue() == (41, pytest.approx(4.201 / 2))
    order = [lengths[0] for lengths in bench.run_all()]
    assert order.index(201) < 20
    assert bench.scheduler.queue() == (0, 0.0)


def test_what_is_still_being_tokenised_counts_as_waiting(bench):
    reservation = bench.scheduler.reserve("a", [500], bench.clock() + 30)
    with pytest.raises(QueueFullError):
        bench.submit(100)
    giant = bench.scheduler.reserve("b", [300] * 5, bench.clock() + 30, Priority.BULK)
    with pytest.raises(QueueFullError):
        bench.scheduler.reserve("b", [300] * 5, bench.clock() + 30, Priority.BULK)
    bench.scheduler.release(giant)
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
    assert bench.scheduler.queue() == (0, 0.0)


def test_a_caller_that_leaves_frees_its_place_before_it_runs(bench):
    leaving = bench.submit(*[100] * 5)
    bench.scheduler.cancel(leaving)
    assert bench.scheduler.queue() == (0, 0.0)
    bench.submit(7)
    assert bench.run_all() == [[7]]
    assert leaving not in bench.done


def test_a_run_ends_early_when_nobody_waits_for_any_of_its_rows(bench):
    row = sequence(30)
    first, second = bench.submit_rows([row]), bench.submit_rows([sequence(30)])
    bench.submit(30), bench.submit(30)
    run = bench.scheduler.poll()
    assert [len(each.claims) for each in run.tickets] == [1, 1]
    bench.scheduler.cancel(first)
    assert not run.stop.is_set
    bench.scheduler.cancel(second)
    assert run.stop.is_set
    joining = bench.submit_rows([row])
    bench.scheduler.finish(run, [StoppedError(), StoppedError()], 0.0)
    assert sum(map(len, bench.run_all())) == 3
    assert joining.error is None
    assert first not in bench.done


def test_a_thousand_callers_that_left_leave_nothing_behind(bench):
    for _ in range(1000):
        bench.scheduler.cancel(bench.submit(100))
    queues = bench.scheduler._turns._due[Priority.INTERACTIVE].values()
    assert [len(queue) <= 100 for queue in queues] == [True]
    assert bench.scheduler.queue_is_idle()


@pytest.mark.parametrize("rows", [1, CROWD_ROWS * 2], ids=["little waits", "much waits"])
def test_what_was_answered_is_not_kept(bench, rows):
    bench.scheduler._backlog._room_seconds = 60
    arrays = []
    for _ in range(1000 // rows):
        asked = [sequence(20) for _ in range(rows)]
        arrays += [weakref.ref(each.input_ids) for each in asked]
        bench.submit_rows(asked)
        del asked
        while (run := bench.scheduler.poll()) is not None:
            bench.scheduler.finish(run, [(np.zeros(2),)] * len(run.tickets), 0.01)
        bench.done.clear()
    assert sum(each() is not None for each in arrays) < 100


def test_an_error_in_one_row_fails_its_request_and_no_other(bench):
    broken, healthy = bench.submit(20, 40), bench.submit(20)
    bench.submit(20)
    run = bench.scheduler.poll()
    answers = [
        ValueError("bad row") if broken in ticket.claims else (np.zeros(1),)
        for ticket in run.tickets
    ]
    assert {each for ticket in run.tickets for each in ticket.claims} >= {broken, healthy}
    bench.scheduler.finish(run, answers, 0.0)
    assert isinstance(broken.error, ValueError)
    assert healthy.error is None
    assert [40] not in bench.run_all()


def test_a_failed_batch_teaches_the_cost_model_nothing_and_is_not_reported(bench):
    bench.submit(20)
    run = bench.scheduler.poll()
    bench.scheduler.finish(run, [ValueError("bad")], 0.0)
    assert bench.recorder.batches == []


def test_batches_are_reported_with_real_and_padded_tokens(bench):
    bench.scheduler.add_model("c", Idle(), CostModel(Coefficients(0.01, 1e-3, 0.0)))
    for length in (29, 30, 30, 30):
        bench.submit(length, model="c")
    bench.run_all(seconds=0.5)
    assert bench.recorder.batches == [("c", 2, 59, 60, 0.5), *[("c", 1, 30, 30, 0.5)] * 2]


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
    bench.submit(100)
    bench.scheduler.close()
    worker.join(5)
    assert [run.padded_length for run in taken] == [100]


def test_identical_sequences_that_are_in_flight_run_once(bench):
    row = sequence(30)
    first, second = bench.submit_rows([row]), bench.submit_rows([row, sequence(80), row])
    run = bench.scheduler.poll()
    joining = bench.submit_rows([row])
    assert bench.recorder.shared == [("a", 2), ("a", 1)]
    bench.scheduler.finish(run, [(each.input_ids,) for each in run.sequences], 0.01)
    assert bench.done == [first, joining]
    assert bench.run_all() == [[80]]
    assert [len(answer[0]) for answer in second.logits] == [30, 80, 30]
    again = sequence(30)
    assert again.fingerprint() != row.fingerprint()


def test_who_shares_a_row_with_a_giant_does_not_wait_for_the_giant(bench):
    giant = [sequence(100) for _ in range(50)]
    bench.submit_rows(giant)
    shared = bench.submit_rows([giant[-1]])
    bench.scheduler.poll()
    assert not shared.settled
    rows = bench.scheduler.poll().sequences
    assert giant[-1] in rows
    assert bench.recorder.shared == [("a", 1)]


@given(
    st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=8), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_rows_that_requests_share_run_once_and_leave_nothing(requests, random):
    bench = Bench()
    rows = [sequence(20 + number) for number in range(8)]
    for request in requests:
        with suppress(QueueFullError):
            bench.submit_rows([rows[number] for number in request])
        bench.clock.now += random.choice((0.0, 0.1))
    batches = bench.run_all()
    asked = {20 + number for request in requests for number in request}
    ran = [length for batch in batches for length in batch]
    assert len(ran) == len(set(ran))
    assert set(ran) <= asked
    backlog = bench.scheduler._backlog
    for lane in backlog.lanes.values():
        assert (lane.seconds, lane.all_seconds, lane.waiting_count) == (0, 0, 0)
    assert all(line.short_count == 0 for line in bench.scheduler._lines.values())
    assert all(submission.error is None for submission in bench.done)


def test_a_shared_run_happens_while_anybody_waits_for_it(bench):
    row = sequence(30)
    leaving, late, staying = (bench.submit_rows([row], timeout=each) for each in (9, 0.5, 9))
    bench.scheduler.cancel(leaving)
    bench.clock.now += 1
    assert bench.run_all() == [[30]]
    assert isinstance(late.error, DeadlineExceededError)
    assert staying.error is None
    assert bench.done == [late, staying]


def test_a_row_is_forgotten_once_it_is_answered_or_nobody_waits(bench):
    row = sequence(30)
    bench.scheduler.cancel(bench.submit_rows([row]))
    bench.submit_rows([row])
    bench.scheduler.finish(bench.scheduler.poll(), [(row.input_ids,)], 0.01)
    bench.submit_rows([row])
    assert bench.run_all() == [[30]]
    assert bench.recorder.shared == []


def test_the_cache_answers_what_was_run_before_and_forgets_the_least_used():
    bench = Bench(cache_entries=2)
    rows = [sequence(10), sequence(20), sequence(30)]

    def ask(row):
        submission = bench.submit_rows([row])
        run = bench.scheduler.poll()
        if run is not None:
            bench.scheduler.finish(run, [(each.input_ids,) for each in run.sequences], 0.01)
        assert (submission.logits[0][0] == row.input_ids).all()
        return run is not None

    assert [ask(rows[index]) for index in (0, 1, 0, 2, 1, 0)] == [1, 1, 0, 1, 1, 1]
    hits = [hits for _, hits, _ in bench.recorder.cache]
    assert hits == [0, 0, 1, 0, 0, 0]
    assert len(bench.done) == 6


def test_without_a_cache_nothing_is_kept_or_counted(bench):
    row = sequence(10)
    for _ in range(2):
        bench.submit_rows([row])
        bench.scheduler.finish(bench.scheduler.poll(), [(row.input_ids,)], 0.01)
    assert bench.recorder.cache == []


def test_a_queue_full_of_bulk_does_not_refuse_interactive_work(bench):
    for _ in range(5):
        bench.submit(100, priority=Priority.BULK)
    with pytest.raises(QueueFullError):
        bench.submit(100, priority=Priority.BULK)
    bench.submit(100)
    with pytest.raises(DeadlineExceededError, match=r"predicted to take 0\.13 s"):
        bench.submit(100, timeout=0.1)


def test_wide_runs_teach_the_cost_model_nothing(bench):
    cost = CostModel(Coefficients(0.0, 1e-3, 0.0))
    bench.scheduler.add_model("wide", Idle(widens=True), cost)
    for _ in range(40):
        bench.submit(10, model="wide")
        bench.scheduler.finish(bench.scheduler.poll(), [(np.zeros(1),)], 1e-9)
    assert cost.predict(1, 10) == pytest.approx(0.01)


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
    assert bench.scheduler.queue() == (0, 0.0)
    assert bench.scheduler.queue_is_idle()
