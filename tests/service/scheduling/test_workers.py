"""Running a batch: together when it can be, row by row when it cannot."""

import numpy as np

from service.runtime.halfway import Halfway, Layout, Together, sequence_of
from service.runtime.session import StoppedError
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.priority import Priority
from service.scheduling.runs import Run
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine
from service.scheduling.workers import Workers, execute
from tests.service.scheduling.conftest import sequence


class RefusesLength:
    """An executor to which rows of one length are poison."""

    widens = packs = False
    layers = 1

    def __init__(self, poison):
        self.poison = poison

    def advance(self, rows, layers, *, wide=False, stop=None):
        assert layers == 1
        if any(row.length == self.poison for row in rows):
            raise RuntimeError(f"a row of {self.poison} tokens")
        return [(np.full(2, row.length),) for row in rows]


class RefusesLengthStepwise:
    """The same, of several layers; ``begun`` has the layers that each row had behind it, of each
    run that went well.
    """

    widens = False
    packs = True
    layers = 3

    def __init__(self, poison):
        self.poison = poison
        self.begun = []

    def advance(self, rows, layers, *, wide=False, stop=None):
        sequences = [sequence_of(row) for row in rows]
        if any(row.length == self.poison for row in sequences):
            raise RuntimeError(f"a row of {self.poison} tokens")
        behind = [row.layers if isinstance(row, Halfway) else 0 for row in rows]
        assert max(behind) + layers <= self.layers
        self.begun.append(behind)
        layout = Layout(sequences, [False] * len(rows))
        together = Together(np.zeros((layout.tokens, 1), np.float32), layout, len(rows))
        return [
            (np.full(2, row.length),)
            if before + layers == self.layers
            else Halfway(row, before + layers, together, index)
            for index, (row, before) in enumerate(zip(sequences, behind, strict=True))
        ]


def run_of(executor, *lengths, layers=1):
    line = WaitingLine("a", Priority.INTERACTIVE, executor, CostModel())
    tickets = [
        Ticket(sequence(length), b"", line, came=0, due=0, cost_seconds=0) for length in lengths
    ]
    return Run(line, tickets, layers, 0.0)


def go_on(run, results, layers):
    """The run of what is left of the rows."""
    for ticket, row in zip(run.tickets, results, strict=True):
        ticket.row, ticket.layers_left = row, run.line.executor.layers - row.layers
    return Run(run.line, run.tickets, layers, 0.0)


def test_a_healthy_batch_runs_once_and_is_timed():
    answers, seconds = execute(run_of(RefusesLength(9), 3, 4))
    assert [answer[0][0] for answer in answers] == [3, 4]
    assert seconds > 0


def test_one_bad_row_fails_alone():
    answers, seconds = execute(run_of(RefusesLength(9), 3, 9, 4))
    assert [type(answer) for answer in answers] == [tuple, RuntimeError, tuple]
    assert seconds == 0


def test_a_run_of_some_layers_hands_in_how_far_the_rows_have_come():
    begun = run_of(RefusesLengthStepwise(9), 3, 4, layers=2)
    rows, seconds = execute(begun)
    assert [(type(row), row.layers) for row in rows] == [(Halfway, 2)] * 2
    assert [row.sequence for row in rows] == begun.rows
    assert seconds > 0
    answers, seconds = execute(go_on(begun, rows, layers=1))
    assert [answer[0][0] for answer in answers] == [3, 4]
    assert seconds > 0


def test_one_bad_row_fails_alone_in_a_run_of_some_layers_and_the_others_go_on():
    begun = run_of(RefusesLengthStepwise(9), 3, 9, 4, layers=2)
    results, seconds = execute(begun)
    assert [type(result) for result in results] == [Halfway, RuntimeError, Halfway]
    assert [results[index].sequence.length for index in (0, 2)] == [3, 4]
    assert [results[index].layers for index in (0, 2)] == [2, 2]
    assert seconds == 0


def test_one_bad_row_fails_alone_among_rows_that_have_begun():
    begun = run_of(RefusesLengthStepwise(9), 3, 4, 5, layers=1)
    rows, _ = execute(begun)
    begun.line.executor.poison = 4
    results, seconds = execute(go_on(begun, rows, layers=1))
    assert [type(result) for result in results] == [Halfway, RuntimeError, Halfway]
    assert [results[index].layers for index in (0, 2)] == [2, 2]
    assert seconds == 0


class Stopped:
    widens = packs = False
    layers = 1

    def advance(self, rows, layers, *, wide=False, stop=None):
        assert stop.is_set
        raise StoppedError


def test_a_run_that_was_stopped_is_not_tried_again():
    run = run_of(Stopped(), 3, 4)
    run.stop.stop()
    answers, seconds = execute(run)
    assert [type(answer) for answer in answers] == [StoppedError, StoppedError]
    assert seconds == 0


def test_workers_answer_everything_and_end_when_the_scheduler_closes(bench):
    bench.scheduler.add_model("c", RefusesLength(0), CostModel(Coefficients(0, 1e-4, 0)))
    workers = Workers(bench.scheduler, 2)
    workers.start()
    submissions = [bench.submit(length, model="c") for length in range(1, 30)]
    bench.scheduler.close()
    workers.join(5)
    assert not any(thread.is_alive() for thread in workers._threads)
    assert [submission.logits[0][0][0] for submission in submissions] == list(range(1, 30))


def test_workers_answer_rows_that_take_several_runs_and_refuse_a_bad_one_alone(bench):
    executor = RefusesLengthStepwise(7)
    bench.scheduler.add_model("c", executor, CostModel(Coefficients(0, 1e-2, 0)))
    submissions = [bench.submit(length, model="c") for length in (6, 7, 8)]
    workers = Workers(bench.scheduler, 2)
    workers.start()
    bench.scheduler.close()
    workers.join(5)
    assert not any(thread.is_alive() for thread in workers._threads)
    assert [type(submission.error) for submission in submissions] == [
        type(None),
        RuntimeError,
        type(None),
    ]
    assert [submissions[index].logits[0][0][0] for index in (0, 2)] == [6, 8]
    assert max(max(behind) for behind in executor.begun) > 0
