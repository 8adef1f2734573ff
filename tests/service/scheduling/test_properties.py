"""What holds for the scheduler, its waiting lines and the planner on any trace of arrivals, runs,
hang-ups and passing time.

How long a ticket is passed over: every run begins with the ticket of its priority that is due
first, or that came first, and a ticket is never due before it came. So a run that leaves a ticket
waiting has taken one further that came before the ticket is due, and none of those is admitted
after that. A ticket is left behind by at most as many runs of its priority as such tickets have
layers.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from service.runtime.halfway import Halfway
from service.runtime.session import StoppedError
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.packed_batch import PADDED_SHARE, WINDOW_BATCHES
from service.scheduling.priority import BULK_SHARE, Priority
from service.scheduling.scheduler import Scheduler
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.waiting import WaitingLine
from tests.service.scheduling.conftest import Clock, Idle, Recorder, sequence

LIMITS = BatchLimits(256)
LENGTHS = st.integers(1, 60) | st.integers(1, 400)
BROKEN = 13
"""Rows of this many tokens fail."""


class Trace(RuleBasedStateMachine):
    """A scheduler, what it was asked, and what it must not do."""

    @initialize(
        workers=st.integers(1, 3),
        queue_seconds=st.sampled_from([0.2, 2.0]),
        cache_entries=st.sampled_from([0, 2]),
        widens=st.booleans(),
        packs_and_layers=st.sampled_from([(False, 1), (True, 1), (True, 5)]),
        tokens=st.sampled_from([30, 256]),
        waste=st.sampled_from([0.0, 0.05, 0.3]),
    )
    def start(self, workers, queue_seconds, cache_entries, widens, packs_and_layers, tokens, waste):
        self.clock, self.recorder = Clock(), Recorder()
        self.limits = BatchLimits(tokens, waste)
        self.packs, self.layers = packs_and_layers
        self.scheduler = Scheduler(
            workers=workers,
            limits=self.limits,
            max_queue_seconds=queue_seconds,
            observer=self.recorder,
            cache_entries=cache_entries,
            clock=self.clock,
        )
        for model, per_token in (("a", 1e-3), ("b", 1e-4)):
            self.scheduler.add_model(
                model,
                Idle(widens, self.packs, self.layers),
                CostModel(Coefficients(1e-3, per_token, 0.0)),
            )
        self.workers = workers
        self.running = []
        self.admitted = {}
        self.cancelled = set()
        self.done = []
        self.tickets = {}
        self.left_behind = {}
        self.came_before = {}
        self.layers_run = {}

    # What happens --------------------------------------------------------------------------------

    @rule(
        rows=st.lists(st.tuples(LENGTHS, st.none() | st.integers(-2, -1)), min_size=1, max_size=6),
        model=st.sampled_from(["a", "b"]),
        priority=st.sampled_from(Priority),
        timeout=st.sampled_from([0.05, 0.5, 30.0]),
    )
    def submit(self, rows, model, priority, timeout):
        self._submit([sequence(length, first) for length, first in rows], model, priority, timeout)

    @rule(length=st.integers(1, 12), spread=st.integers(0, 4), count=st.integers(5, 20))
    def submit_many_alike(self, length, spread, count):
        rows = [sequence(length + number % (spread + 1)) for number in range(count)]
        self._submit(rows, "a", Priority.INTERACTIVE, 30.0)

    def _submit(self, sequences, model, priority, timeout):
        lengths = [row.length for row in sequences]
        deadline = self.clock() + timeout
        try:
            reservation = self.scheduler.reserve(model, lengths, deadline, priority)
            submission = self.scheduler.submit(reservation, sequences, self.done.append)
        except (QueueFullError, DeadlineExceededError):
            return
        self.admitted[submission] = sequences
        for ticket in dict.fromkeys(submission.tickets):
            if ticket not in self.tickets:
                self._ticket_admitted(ticket)

    def _ticket_admitted(self, ticket):
        assert ticket.due >= ticket.came >= self.clock()
        self.left_behind[ticket] = 0
        self.tickets[ticket] = None
        others = [other for other in self._in_flight(ticket.line.priority) if other is not ticket]
        for other in others:
            self.came_before[other] += ticket.came <= other.due
        self.came_before[ticket] = sum(other.came <= ticket.due for other in others)

    @rule(seconds=st.sampled_from([0.001, 0.03, 0.3, 20.0]))
    def pass_time(self, seconds):
        self.clock.now += seconds

    @precondition(lambda self: len(self.running) < self.workers)
    @rule()
    def take(self):
        run = self.scheduler.poll()
        if run is not None:
            self._check(run)
            self.running.append(run)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 2), seconds=st.sampled_from([0.0, 0.02, 0.4]))
    def finish(self, which, seconds):
        run = self.running.pop(which % len(self.running))
        self.clock.now += seconds
        if run.stop.is_set and seconds:  # told in time
            answers = [StoppedError()] * len(run.tickets)
        else:
            answers = [self._result(run, ticket) for ticket in run.tickets]
        self.scheduler.finish(run, answers, seconds)

    def _result(self, run, ticket):
        row = ticket.sequence
        if row.length == BROKEN:
            return ValueError("a broken row")
        left = ticket.layers_left - run.layers
        return Halfway(row, self.layers - left, None, 0) if left else (row.input_ids,)

    @precondition(lambda self: self.admitted)
    @rule(which=st.integers(0, 1_000))
    def hang_up(self, which):
        submission = list(self.admitted)[which % len(self.admitted)]
        if submission not in self.done:
            self.cancelled.add(submission)
            self.scheduler.cancel(submission)

    # What must hold ------------------------------------------------------------------------------

    def _check(self, run):
        lengths = [ticket.sequence.length for ticket in run.tickets]
        padded = len(lengths) * max(lengths)
        computed = sum(lengths) if self.packs else padded
        assert len(lengths) == 1 or computed <= self.limits.tokens
        most_padding = PADDED_SHARE if self.packs else self.limits.waste
        assert padded - sum(lengths) <= most_padding * padded + 1e-9
        for ticket in run.tickets:
            assert ticket.line is run.line
            passed = self.layers_run.get(ticket, 0)
            assert passed + ticket.layers_left == self.layers, "a layer left out, or run twice"
            assert 1 <= run.layers <= ticket.layers_left
            assert ticket.claims, "run for nobody"
            for submission in ticket.claims:
                assert submission not in self.cancelled
                assert submission not in self.done
                assert self.clock() < submission.deadline
            self.layers_run[ticket] = passed + run.layers
        assert len(self.running) < self.workers, "more runs than cores"
        assert not any(each.wide for each in self.running), "every core is taken"
        self._check_order(run)
        if run.wide:
            assert not self.running
            assert len(lengths) == 1
            assert not any(map(self._waiting, Priority))

    def _check_order(self, run):
        left = self._waiting(run.line.priority)
        first_due = min(ticket.due for ticket in run.tickets)
        first_came = min(ticket.came for ticket in run.tickets)
        by_due = all(first_due <= ticket.due for ticket in left)
        as_they_came = all(first_came <= ticket.came for ticket in left)
        assert by_due or as_they_came, "a ticket that was due before was passed over"
        if self.packs and len(run.tickets) > 1:
            self._check_window(run)
        for ticket in left:
            self.left_behind[ticket] += 1
            assert self.left_behind[ticket] <= self.came_before[ticket] * self.layers

    def _check_window(self, run):
        waiting = self._waiting(run.line.priority)
        left = [ticket for ticket in waiting if ticket.line is run.line]
        for when in (lambda ticket: ticket.due, lambda ticket: ticket.came):
            last = max(map(when, run.tickets))
            ahead = sum(ticket.sequence.length for ticket in left if when(ticket) < last)
            if ahead + run.real_tokens < (WINDOW_BATCHES + 1) * self.limits.tokens:
                return
        pytest.fail("a row was taken from too far behind")

    def _in_flight(self, priority):
        running = [ticket for run in self.running for ticket in run.tickets]
        return self._waiting(priority) + [
            ticket for ticket in running if ticket.line.priority is priority
        ]

    def _waiting(self, priority):
        return [
            ticket for ticket in self.tickets if ticket.waiting and ticket.line.priority is priority
        ]

    @invariant()
    def the_queue_is_what_waits(self):
        if hasattr(self, "scheduler"):
            waiting = sum(len(self._waiting(priority)) for priority in Priority)
            assert self.scheduler.queue()[0] == waiting

    @invariant()
    def identical_rows_share_a_ticket(self):
        if hasattr(self, "scheduler"):
            for priority in Priority:
                running = [
                    ticket
                    for run in self.running
                    if run.line.priority is priority
                    if any(each.claims for each in run.tickets)  # else it is being stopped
                    for ticket in run.tickets
                ]
                in_flight = [
                    (ticket.line.name, ticket.fingerprint)
                    for ticket in self._waiting(priority) + running
                ]
                assert len(in_flight) == len(set(in_flight))

    def teardown(self):
        if not hasattr(self, "scheduler"):
            return
        self.scheduler.close()
        while self.running or (run := self.scheduler.poll()) is not None:
            if self.running:
                self.finish(0, 0.01)
            else:
                self._check(run)
                self.running.append(run)
        assert self.scheduler.queue_is_idle()
        assert self.scheduler.queue() == (0, 0.0)
        answered = set(self.admitted) - self.cancelled
        assert len(self.done) == len(set(self.done)), "answered twice"
        assert set(self.done) == answered, "lost, or answered after its caller had left"
        for submission in answered:
            if submission.error is None:
                for row, logits in zip(self.admitted[submission], submission.logits, strict=True):
                    assert np.array_equal(logits[0], row.input_ids)
            else:
                self._check_refusal(submission)

    def _check_refusal(self, submission):
        if isinstance(submission.error, ValueError):
            assert any(row.length == BROKEN for row in self.admitted[submission])
        else:
            assert isinstance(submission.error, DeadlineExceededError)


TestTrace = Trace.TestCase
TestTrace.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, derandomize=True
)


@given(
    st.lists(st.integers(1, 2 * SHORT_TOKENS), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_a_waiting_line_counts_what_waits_and_gives_the_first_to_come_of_each_length(
    lengths, random
):
    line = WaitingLine("a", Priority.INTERACTIVE, Idle(), CostModel())
    tickets = [
        Ticket(row, row.fingerprint(), line, came=0, due=0, cost_seconds=0)
        for row in map(sequence, lengths)
    ]
    for ticket in tickets:
        line.add(ticket)
    left = tickets.copy()
    for _ in tickets:
        anchor = random.choice(left)
        length = anchor.sequence.length
        alike = [ticket for ticket in left if ticket.sequence.length == length]
        assert line.lengths[length] == len(alike)
        assert line.waiting_tokens == sum(ticket.sequence.length for ticket in left)
        assert line.short_count == sum(ticket.is_short for ticket in left)
        count = random.randint(1, len(alike))
        others = [ticket for ticket in alike if ticket is not anchor]
        assert line.first(length, count, anchor) == [anchor, *others[: count - 1]]
        line.remove(anchor)
        left.remove(anchor)
    assert not line.lengths
    assert line.waiting_tokens == 0


@pytest.mark.parametrize("workers", [1, 2, 4])
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(4, 400), min_size=3, max_size=12),
    st.integers(1, 400),
    st.sampled_from([0.0, 1e-3, 2e-2]),
)
@example([10, 11, 12], 250, 2e-2)
def test_bulk_gets_its_share_of_the_tokens_while_both_always_wait(
    workers, interactive, bulk, overhead
):
    """What it is owed is counted, so that all that it can have more or less is of the first
    seconds, whatever a run costs before its first token, and however small the batches of either.
    """
    clock = Clock()
    scheduler = Scheduler(
        workers=workers, limits=LIMITS, max_queue_seconds=1e9, observer=Recorder(), clock=clock
    )
    scheduler.add_model("a", Idle(), CostModel(Coefficients(overhead, 1e-3, 0.0)))

    def submit(length, priority):
        reservation = scheduler.reserve("a", [length], clock() + 1e9, priority)
        scheduler.submit(reservation, [sequence(length)], lambda _: None)

    tokens, waiting = dict.fromkeys(Priority, 0), dict.fromkeys(Priority, 0)
    ends = [(clock(), None)] * workers
    number = 0
    while clock() < 1160:
        for priority, lengths in ((Priority.INTERACTIVE, interactive), (Priority.BULK, [bulk])):
            while waiting[priority] < 8:
                submit(lengths[number % len(lengths)], priority)
                waiting[priority] += 1
                number += 1
        (clock.now, run), *ends = sorted(ends, key=lambda end: end[0])
        if run is not None:
            scheduler.finish(run, [()] * len(run.tickets), run.cost_seconds)
        run = scheduler.poll()
        waiting[run.line.priority] -= len(run.tickets)
        tokens[run.line.priority] += run.real_tokens
        ends.append((clock() + run.cost_seconds, run))
    share = tokens[Priority.BULK] / sum(tokens.values())
    assert 0.9 * BULK_SHARE < share < 1.1 * BULK_SHARE
