"""Whose turn it is, and how large a batch is then, on a clock that the test turns."""

import numpy as np
import pytest

from service.runtime.halfway import Halfway
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.errors import ClosedError, QueueFullError
from service.scheduling.patience import due_after
from service.scheduling.priority import BULK_SHARE, Priority
from service.scheduling.ticket import SHORT_TOKENS
from service.scheduling.turns import BEHIND_RUNS, CROWD_SHORT_ROWS
from tests.service.scheduling.conftest import Idle


def test_work_for_one_batch_is_shared_among_the_workers(bench):
    bench.submit(20, 20, 20, 20)
    assert [len(bench.scheduler.poll().tickets) for _ in range(2)] == [2, 2]


def test_a_worker_that_is_idle_alone_takes_all_that_fits(bench):
    bench.submit(200)
    bench.scheduler.poll()
    bench.submit(15, 15, 15, 15)
    assert len(bench.scheduler.poll().tickets) == 4


def lengths(run):
    return [ticket.sequence.length for ticket in run.tickets]


@pytest.fixture
def packed(bench):
    """The model ``packed`` takes 10 ms a run and 1 ms a token, and there is a minute of queue."""
    bench.scheduler._backlog._room_seconds = 60 * 2
    cost = CostModel(Coefficients(0.01, 1e-3, 0.0))
    bench.scheduler.add_model("packed", Idle(packs=True), cost)
    bench.submit(100), bench.scheduler.poll()  # one of the workers is busy with something else
    return bench


def test_nobody_goes_with_others_who_would_be_late_for_it(packed):
    packed.submit(20, 200, 60, 20, model="packed")
    assert lengths(packed.scheduler.poll()) == [20, 20]


def test_a_long_row_takes_along_what_does_not_make_it_late(packed):
    packed.submit(100, 110, model="packed")
    assert lengths(packed.scheduler.poll()) == [100, 110]


def test_who_is_late_already_goes_with_any_others(packed):
    packed.submit(20, 60, 60, 60, model="packed")
    packed.clock.now += 1.0
    assert lengths(packed.scheduler.poll()) == [20, 60, 60, 60]


@pytest.mark.parametrize(("more", "rows"), [(0, 3), (1, CROWD_SHORT_ROWS * 2)])
def test_where_many_short_ones_wait_batches_are_full(packed, more, rows):
    for _ in range(CROWD_SHORT_ROWS * 2 - 1 + more):
        packed.submit(20, model="packed")
    assert len(packed.scheduler.poll().tickets) == rows


def after(milliseconds):
    """When a sequence of so many tokens is due, seconds after it came."""
    return due_after(1e-3 * milliseconds, CostModel(Coefficients(0.0, 1e-3, 0.0)))


def test_a_long_row_goes_behind_short_ones_until_it_is_due(bench):
    bench.submit(200)
    bench.clock.now += after(200) - after(10) - 0.001
    bench.submit(10)
    bench.clock.now += 0.002
    bench.submit(11)
    assert bench.run_all() == [[10], [200], [11]]


def test_where_more_waits_than_can_be_run_in_time_who_came_first_is_first(bench):
    bench.scheduler._backlog._room_seconds = 60
    bench.submit(200)
    most = BEHIND_RUNS * 2 * 1e-3 * SHORT_TOKENS
    for _ in range(int((most - 0.2) / 0.1) + 1):
        bench.submit(100)
    assert bench.run_all()[0] == [200]


def test_where_many_short_ones_wait_they_still_go_before_a_long_one(bench):
    bench.scheduler._backlog._room_seconds = 60
    bench.submit(200)
    bench.submit(*[10] * (CROWD_SHORT_ROWS * 2))
    assert bench.run_all()[-1] == [200]


def test_what_a_giant_request_has_beyond_its_share_makes_nobody_wait_longer(bench):
    bench.submit(*[200] * 50)
    bench.submit(10)
    assert bench.run_all()[0] == [10]


def test_a_short_question_goes_before_the_later_windows_of_a_long_document(bench):
    bench.submit(*[300] * 10)
    bench.clock.now += after(300) + 0.35
    bench.submit(10)
    order = [lengths[0] for lengths in bench.run_all()]
    assert order.index(10) == 2


def test_interactive_work_goes_before_bulk_that_came_earlier(bench):
    bench.submit(60, priority=Priority.BULK)
    bench.submit(40)
    assert bench.run_all() == [[40], [60]]


def test_bulk_gets_its_share_while_interactive_work_never_ends(bench):
    tokens = dict.fromkeys(Priority, 0)
    for _ in range(300):
        for priority in Priority:
            while True:
                try:
                    bench.submit(50, priority=priority)
                except QueueFullError:
                    break
        run = bench.scheduler.poll()
        bench.clock.now += run.cost_seconds
        tokens[run.line.priority] += run.real_tokens
        bench.scheduler.finish(run, [(row.input_ids,) for row in run.rows], 0.0)
    assert tokens[Priority.BULK] / sum(tokens.values()) == pytest.approx(BULK_SHARE, abs=0.01)


def test_bulk_that_had_more_than_its_share_waits_while_a_crowd_of_interactive_work_passes(bench):
    def run_one():
        run = bench.scheduler.poll()
        bench.clock.now += run.cost_seconds
        bench.scheduler.finish(run, [(row.input_ids,) for row in run.rows], 0.0)
        return run.line.priority

    def keep_waiting(priority):
        while True:
            try:
                bench.submit(50, priority=priority)
            except QueueFullError:
                return

    for _ in range(30):
        bench.submit(50)
        keep_waiting(Priority.BULK)
        run_one(), run_one()
    crowd = []
    for _ in range(20):
        keep_waiting(Priority.INTERACTIVE)
        crowd.append(run_one())
    assert crowd == [Priority.INTERACTIVE] * 20


def test_a_lone_sequence_gets_every_core(bench):
    bench.scheduler.add_model("wide", Idle(widens=True), CostModel(Coefficients(0.0, 1e-3, 0.0)))
    bench.submit(10, model="wide")
    lone = bench.scheduler.poll()
    assert lone.wide
    bench.submit(10, model="wide")
    assert bench.scheduler.poll() is None, "no core is free"
    bench.scheduler.finish(lone, [(np.zeros(1),)], 1e-9)
    bench.scheduler.finish(bench.scheduler.poll(), [(np.zeros(1),)], 1e-9)
    bench.submit(10, 300, model="wide")
    assert not bench.scheduler.poll().wide
    bench.submit(10, model="a")
    assert not bench.scheduler.poll().wide


@pytest.fixture
def stepwise(bench):
    """The model ``stepwise`` takes 1 ms a token, in ten layers."""
    bench.scheduler._backlog._room_seconds = 60 * 2
    cost = CostModel(Coefficients(0.0, 1e-3, 0.0))
    bench.scheduler.add_model("stepwise", Idle(widens=True, packs=True, layers=10), cost)
    bench.submit(100), bench.scheduler.poll()  # one of the workers is busy with something else
    return bench


def go_on(bench, run):
    """Let a run end that is not the last of its rows."""
    bench.clock.now += run.cost_seconds
    results = [
        Halfway(ticket.sequence, 10 - ticket.layers_left + run.layers, None, 0)
        for ticket in run.tickets
    ]
    bench.scheduler.finish(run, results, run.cost_seconds)


def test_a_run_of_a_few_layers_takes_about_as_long_as_a_step(stepwise):
    for length, layers in ((400, 1), (100, 2), (50, 4), (25, 8), (20, 10)):
        stepwise.scheduler.cancel(stepwise.submit(300, model="b"))
        submission = stepwise.submit(length, model="stepwise")
        run = stepwise.scheduler.poll()
        assert (lengths(run), run.layers) == ([length], layers)
        stepwise.scheduler.cancel(submission)
        stepwise.scheduler.finish(run, [(np.zeros(1),)], 0.0)


def test_a_short_row_goes_between_the_layers_of_a_long_one(stepwise):
    stepwise.submit(400, model="stepwise")
    long = stepwise.scheduler.poll()
    stepwise.submit(20, model="stepwise")
    assert stepwise.scheduler.poll() is None, "no core is free"
    go_on(stepwise, long)
    short = stepwise.scheduler.poll()
    assert (lengths(short), short.layers) == ([20], 10)
    stepwise.scheduler.finish(short, [(np.zeros(1),)], 0.0)
    assert [ticket.layers_left for ticket in stepwise.scheduler.poll().tickets] == [9]


def test_a_row_that_comes_goes_on_beside_one_that_has_begun(stepwise):
    stepwise.submit(50, model="stepwise")
    go_on(stepwise, stepwise.scheduler.poll())
    stepwise.submit(50, model="stepwise")
    together = stepwise.scheduler.poll()
    assert [ticket.layers_left for ticket in together.tickets] == [6, 10]
    assert together.layers == 2


def test_in_a_crowd_rows_go_through_all_layers_with_those_that_are_as_far(stepwise):
    stepwise.submit(30, 31, model="stepwise")
    begun = stepwise.scheduler.poll()
    assert begun.layers < 10
    for _ in range(CROWD_SHORT_ROWS * 2):
        stepwise.submit(20, model="stepwise")
    go_on(stepwise, begun)
    run = stepwise.scheduler.poll()
    assert {ticket.layers_left for ticket in run.tickets} == {run.layers}
    assert sorted(lengths(run)) in ([30, 31], [20] * CROWD_SHORT_ROWS * 2)


def test_a_row_whose_caller_leaves_between_two_steps_goes_no_further(stepwise):
    leaving = stepwise.submit(400, model="stepwise")
    run = stepwise.scheduler.poll()
    go_on(stepwise, run)
    (ticket,) = leaving.tickets
    assert isinstance(ticket.row, Halfway)
    stepwise.scheduler.cancel(leaving)
    assert stepwise.scheduler.poll() is None
    assert ticket.row is ticket.sequence, "what it had come to is not kept"
    assert stepwise.scheduler.queue() == (0, 0.0)


def test_a_lone_short_row_goes_through_all_layers_on_every_core_and_a_long_one_makes_way(bench):
    cost = CostModel(Coefficients(0.0, 1e-3, 0.0))
    bench.scheduler.add_model("stepwise", Idle(widens=True, packs=True, layers=10), cost)
    bench.submit(60, model="stepwise")
    lone = bench.scheduler.poll()
    assert (lone.wide, lone.layers) == (True, 10)
    bench.scheduler.finish(lone, [(np.zeros(1),)], 1e-9)
    bench.submit(300, model="stepwise")
    long = bench.scheduler.poll()
    assert (long.wide, long.layers) == (True, 2)
    bench.submit(20, model="stepwise")
    go_on(bench, long)
    runs = bench.scheduler.poll(), bench.scheduler.poll()
    assert [(lengths(run), run.wide) for run in runs] == [([20], False), ([300], False)]


def test_what_is_between_two_steps_is_refused_when_the_time_to_drain_is_over(stepwise):
    submission = stepwise.submit(400, model="stepwise")
    run = stepwise.scheduler.poll()
    stepwise.scheduler.abandon()
    go_on(stepwise, run)
    assert stepwise.done == [submission]
    assert isinstance(submission.error, ClosedError)
    assert stepwise.scheduler.poll() is None


def test_a_step_teaches_the_cost_model_what_a_whole_run_takes(bench):
    cost = CostModel(Coefficients(0.0, 1e-3, 0.0))
    bench.scheduler.add_model("stepwise", Idle(packs=True, layers=10), cost)
    bench.submit(400), bench.scheduler.poll()
    for _ in range(60):
        bench.submit(100, model="stepwise")
        while (run := bench.scheduler.poll()) is not None:
            left = [ticket.layers_left - run.layers for ticket in run.tickets]
            results = [
                Halfway(ticket.sequence, 10 - each, None, 0) if each else (np.zeros(1),)
                for ticket, each in zip(run.tickets, left, strict=True)
            ]
            bench.scheduler.finish(run, results, 0.2 * run.share)
    assert cost.predict(1, 100) == pytest.approx(0.2, rel=0.01)
