"""Whose turn it is, and how large a batch is then, on a clock that the test turns."""

import itertools

import numpy as np
import pytest

from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.crew import Crew
from service.scheduling.crowd import CROWD_SHORT_ROWS, STEADY_ROWS, STEADY_SECONDS, STEADY_TIMES
from service.scheduling.errors import QueueFullError
from service.scheduling.priority import BULK_SHARE, Priority
from service.scheduling.runs import LONG_SECONDS
from service.scheduling.ticket import SHORT_TOKENS
from service.scheduling.turns import FEW_ROWS
from tests.service.scheduling.conftest import Idle


def test_work_for_one_batch_is_shared_among_the_workers(bench):
    bench.submit(20, 20, 20, 20)
    assert [len(bench.scheduler.poll().tickets) for _ in range(2)] == [2, 2]


def test_a_worker_that_is_idle_alone_takes_all_that_fits(bench):
    bench.submit(200)
    bench.scheduler.poll()
    bench.submit(15, 15, 15, 15)
    assert len(bench.scheduler.poll().tickets) == 4


def test_while_little_waits_batches_are_small_and_where_much_waits_they_are_large(bench):
    bench.submit(*[20] * (CROWD_SHORT_ROWS * 2 - 1))
    assert len(bench.scheduler.poll().tickets) == SHORT_TOKENS // 20
    bench.submit(*[20] * 8)
    assert len(bench.scheduler.poll().tickets) == 256 // 20


def test_what_runs_counts_for_whether_batches_are_small(bench):
    bench.scheduler._backlog._room_seconds = 60
    for _ in range(FEW_ROWS * 2 + 1):
        bench.submit(SHORT_TOKENS + 1)
    assert len(bench.scheduler.poll().tickets) == 3
    assert bench.scheduler.queue()[0] < FEW_ROWS * 2, "those that wait are few"
    assert len(bench.scheduler.poll().tickets) == 3


def test_batches_of_a_fast_model_are_as_large_as_is_not_worth_overtaking(bench):
    bench.scheduler.add_model("fast", Idle(), CostModel(Coefficients(0.0, LONG_SECONDS / 80, 0.0)))
    bench.submit(60), bench.scheduler.poll()
    bench.submit(*[20] * (CROWD_SHORT_ROWS * 2 - 2), model="fast")
    assert len(bench.scheduler.poll().tickets) == 80 // 20


def test_a_long_request_is_put_off_by_twice_its_run_and_no_more(bench):
    bench.submit(200)
    bench.clock.now += 0.36
    bench.submit(10)
    bench.clock.now += 0.06
    bench.submit(11)
    assert bench.run_all() == [[10], [200], [11]]


def test_where_much_waits_long_requests_are_not_put_off(bench):
    bench.submit(200)
    bench.submit(*[10] * (CROWD_SHORT_ROWS * 2))
    assert bench.run_all()[0] == [200]


def test_where_a_few_callers_have_not_stopped_for_long_long_requests_are_not_put_off(bench):
    bench.scheduler._backlog._room_seconds = 60
    lengths = itertools.cycle((100, 130, 170, 220))
    for _ in range(STEADY_ROWS * 2):
        bench.submit(next(lengths))
    running = [bench.scheduler.poll(), bench.scheduler.poll()]
    start = bench.clock.now
    while bench.clock.now < start + STEADY_SECONDS:
        run = running.pop(0)
        bench.clock.now += run.cost_seconds
        bench.scheduler.finish(run, [(np.zeros(1),)] * len(run.tickets), 0.0)
        for _ in run.tickets:
            bench.submit(next(lengths))
        running.append(bench.scheduler.poll())
    bench.submit(240)
    bench.clock.now += 0.1
    bench.submit(10)
    for run in running:
        bench.scheduler.finish(run, [(np.zeros(1),)] * len(run.tickets), 0.0)
    assert bench.run_all()[-2:] == [[240], [10]]


@pytest.mark.parametrize(("times", "overtakes"), [(0.95, True), (1.05, False)])
def test_a_few_long_texts_are_a_crowd_only_when_they_stay_for_longer_than_they_take(
    bench, times, overtakes
):
    bench.scheduler._backlog._room_seconds = 60
    bench.submit(*[400] * STEADY_ROWS * 2)
    for _ in range(2):
        assert bench.scheduler.poll() is not None
    bench.submit(10)
    run_in = (400 * STEADY_ROWS * 2 + 10) * 1e-3 / 2
    assert STEADY_TIMES * run_in * times > STEADY_SECONDS
    bench.clock.now += STEADY_TIMES * run_in * times
    assert (bench.scheduler.poll(Crew.FIRST) is not None) is overtakes


def test_a_short_question_overtakes_the_later_windows_of_a_long_document(bench):
    bench.submit(*[300] * 10)
    bench.clock.now += 0.95
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
        bench.scheduler.finish(run, [(row.input_ids,) for row in run.sequences], 0.0)
    assert tokens[Priority.BULK] / sum(tokens.values()) == pytest.approx(BULK_SHARE, abs=0.01)


def test_bulk_that_had_more_than_its_share_waits_while_a_crowd_of_interactive_work_passes(bench):
    def run_one():
        run = bench.scheduler.poll()
        bench.clock.now += run.cost_seconds
        bench.scheduler.finish(run, [(row.input_ids,) for row in run.sequences], 0.0)
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
    bench.submit(200, 300, model="wide")
    assert not bench.scheduler.poll().wide
    bench.submit(10, model="a")
    assert not bench.scheduler.poll().wide
