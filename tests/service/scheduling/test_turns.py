"""Whose turn it is, and how large a batch is then, on a clock that the test turns."""

import numpy as np
import pytest

from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.errors import QueueFullError
from service.scheduling.patience import due_after
from service.scheduling.priority import BULK_SHARE, Priority
from service.scheduling.ticket import SHORT_TOKENS
from service.scheduling.turns import BEHIND_RUNS, BEHIND_SHORT_ROWS
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


@pytest.mark.parametrize(("more", "rows"), [(0, 3), (1, BEHIND_SHORT_ROWS * 2)])
def test_where_many_short_ones_wait_batches_are_full(packed, more, rows):
    for _ in range(BEHIND_SHORT_ROWS * 2 - 1 + more):
        packed.submit(25, model="packed")
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


def test_where_many_short_ones_wait_who_came_first_is_first(bench):
    bench.scheduler._backlog._room_seconds = 60
    bench.submit(200)
    bench.submit(*[10] * (BEHIND_SHORT_ROWS * 2))
    assert bench.run_all()[0] == [200]


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
