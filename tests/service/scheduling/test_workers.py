"""Running a batch: together when it can be, row by row when it cannot."""

import numpy as np

from service.runtime.session import StoppedError
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.priority import Priority
from service.scheduling.scheduler import Run
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine
from service.scheduling.workers import Workers, execute
from tests.service.scheduling.conftest import sequence


class RefusesLength:
    """An executor to which rows of one length are poison."""

    def __init__(self, poison):
        self.poison = poison

    widens = packs = False

    def run(self, rows, *, wide=False, stop=None):
        if any(row.length == self.poison for row in rows):
            raise RuntimeError(f"a row of {self.poison} tokens")
        return [(np.full(2, row.length),) for row in rows]


def run_of(executor, *lengths):
    line = WaitingLine("a", Priority.INTERACTIVE, executor, CostModel())
    tickets = [Ticket(sequence(length), b"", line, due=0, cost_seconds=0) for length in lengths]
    return Run(line, tickets, 0.0)


def test_a_healthy_batch_runs_once_and_is_timed():
    answers, seconds = execute(run_of(RefusesLength(9), 3, 4))
    assert [answer[0][0] for answer in answers] == [3, 4]
    assert seconds > 0


def test_one_bad_row_fails_alone():
    answers, seconds = execute(run_of(RefusesLength(9), 3, 9, 4))
    assert [type(answer) for answer in answers] == [tuple, RuntimeError, tuple]
    assert seconds == 0


class Stopped:
    widens = packs = False

    def run(self, rows, *, wide=False, stop=None):
        assert stop.is_set
        raise StoppedError


def test_a_run_that_was_stopped_is_not_tried_again():
    run = run_of(Stopped(), 3, 4)
    run.stop.stop()
    answers, seconds = execute(run)
    assert [type(answer) for answer in answers] == [StoppedError, StoppedError]
    assert seconds == 0


class StopsAtItsFirstRow:
    """A batch fails; while its first row is run alone, everyone leaves."""

    widens = packs = False
    ran = 0

    def run(self, rows, *, wide=False, stop=None):
        if len(rows) > 1:
            raise MemoryError
        if stop.is_set:
            raise StoppedError
        self.ran += 1
        stop.stop()
        return [(np.full(2, row.length),) for row in rows]


def test_rows_of_a_failed_batch_are_not_run_for_callers_who_left():
    executor = StopsAtItsFirstRow()
    answers, _ = execute(run_of(executor, 3, 4, 5))
    assert executor.ran == 1
    assert [type(answer) for answer in answers] == [tuple, StoppedError, StoppedError]


def test_workers_answer_everything_and_end_when_the_scheduler_closes(bench):
    bench.scheduler.add_model("c", RefusesLength(0), CostModel(Coefficients(0, 1e-4, 0)))
    workers = Workers(bench.scheduler, 2)
    workers.start()
    submissions = [bench.submit(length, model="c") for length in range(1, 30)]
    bench.scheduler.close()
    workers.join(5)
    assert not any(thread.is_alive() for thread in workers._threads)
    assert [submission.logits[0][0][0] for submission in submissions] == list(range(1, 30))
