"""What holds for the scheduler, its waiting lines and the planner on any trace of arrivals, runs,
hang-ups and passing time.

How long a ticket is passed over: every run begins with the ticket of its priority that is due
first, long ones put off or not, and a ticket is never due before it was admitted. So a run that
leaves a ticket waiting has used up one that was due before the time to which the ticket may be put
off, and none of those is admitted after that. A ticket is left behind by at most as many runs of
its priority as tickets were due before then. (A short ticket that overtakes takes no turn: it is
run at once, and those that it holds up are run already. Such runs are not counted.)
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

from service.runtime.session import StoppedError
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.crew import Crew
from service.scheduling.due import DELAY_TIMES
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.packed_batch import PADDED_SHARE, WINDOW_BATCHES
from service.scheduling.priority import BULK_SHARE, Priority
from service.scheduling.runs import HELD_UP_TIMES, WIDE_SHARE
from service.scheduling.scheduler import Scheduler
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.turns import GATHERED_TOKENS, GATHERING_CORES, count_overtakers
from service.scheduling.waiting import WaitingLine
from tests.service.scheduling.conftest import Clock, Idle, Recorder, sequence

LIMITS = BatchLimits(256)
LENGTHS = st.integers(1, 60) | st.integers(1, 400)
BROKEN = 13
"""Rows of this many tokens fail."""


def put_off(ticket):
    """When a ticket is due at the latest."""
    return ticket.due + DELAY_TIMES * ticket.cost_seconds


class Trace(RuleBasedStateMachine):
    """A scheduler, what it was asked, and what it must not do."""

    @initialize(
        workers=st.integers(1, 3),
        queue_seconds=st.sampled_from([0.2, 2.0]),
        cache_entries=st.sampled_from([0, 2]),
        widens=st.booleans(),
        packs=st.booleans(),
        tokens=st.sampled_from([30, 256]),
        waste=st.sampled_from([0.0, 0.05, 0.3]),
    )
    def start(self, workers, queue_seconds, cache_entries, widens, packs, tokens, waste):
        self.clock, self.recorder = Clock(), Recorder()
        self.limits, self.packs = BatchLimits(tokens, waste), packs
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
                model, Idle(widens, packs), CostModel(Coefficients(1e-3, per_token, 0.0))
            )
        self.workers = workers
        self.running = []
        self.of_overtakers = set()
        self.admitted = {}
        self.cancelled = set()
        self.done = []
        self.tickets = {}
        self.left_behind = {}
        self.due_before = {}
        self.taken = set()

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
        assert ticket.due >= self.clock()
        self.left_behind[ticket] = 0
        self.tickets[ticket] = None
        others = [other for other in self._waiting(ticket.line.priority) if other is not ticket]
        for other in others:
            self.due_before[other] += ticket.due <= put_off(other)
        self.due_before[ticket] = sum(other.due <= put_off(ticket) for other in others)

    @rule(seconds=st.sampled_from([0.001, 0.03, 0.3, 20.0]))
    def pass_time(self, seconds):
        self.clock.now += seconds

    @precondition(lambda self: len(self.running) - self._overtakers_busy() < self.workers)
    @rule()
    def take(self):
        run = self.scheduler.poll()
        if run is not None:
            assert not run.overtakes
            self._begin(run)

    @precondition(lambda self: self._overtakers_busy() < count_overtakers(self.workers))
    @rule()
    def overtake(self):
        run = self.scheduler.poll(Crew.FIRST)
        if run is not None:
            assert run.goes_first
            self.of_overtakers.add(run)
            self._begin(run)

    def _begin(self, run):
        self._check(run)
        self.running.append(run)

    def _overtakers_busy(self):
        return len(self.of_overtakers.intersection(self.running))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 2), seconds=st.sampled_from([0.0, 0.02, 0.4]))
    def finish(self, which, seconds):
        run = self.running.pop(which % len(self.running))
        self.clock.now += seconds
        if run.stop.is_set and seconds:  # told in time
            answers = [StoppedError()] * len(run.tickets)
        else:
            answers = [
                ValueError("a broken row") if row.length == BROKEN else (row.input_ids,)
                for row in run.sequences
            ]
        self.scheduler.finish(run, answers, seconds)

    @precondition(lambda self: self.admitted)
    @rule(which=st.integers(0, 1_000))
    def hang_up(self, which):
        submission = list(self.admitted)[which % len(self.admitted)]
        if submission not in self.done:
            self.cancelled.add(submission)
            self.scheduler.cancel(submission)

    # What must hold ------------------------------------------------------------------------------

    def _check(self, run):
        lengths = [row.length for row in run.sequences]
        padded = len(lengths) * max(lengths)
        computed = sum(lengths) if self.packs else padded
        assert len(lengths) == 1 or computed <= self.limits.tokens
        most_padding = PADDED_SHARE if self.packs else self.limits.waste
        assert padded - sum(lengths) <= most_padding * padded + 1e-9
        for ticket in run.tickets:
            assert ticket.line is run.line
            assert ticket not in self.taken, "run twice"
            assert ticket.claims, "run for nobody"
            for submission in ticket.claims:
                assert submission not in self.cancelled
                assert submission not in self.done
                assert self.clock() < submission.deadline
            self.taken.add(ticket)
        if run.quick:
            assert run.line.priority is Priority.INTERACTIVE
            assert min(lengths) <= SHORT_TOKENS
        if run.overtakes:
            self._check_overtaking(run)
        else:
            assert len(self.running) < self.workers, "more runs than cores"
            assert not any(each.wide for each in self.running), "every core is taken"
            self._check_order(run)
        if run.wide and (self.running or len(lengths) > 1 or any(map(self._waiting, Priority))):
            assert self._is_gathered(run), "it is neither alone nor goes first"
            assert self.workers <= GATHERING_CORES
            assert computed <= GATHERED_TOKENS
            assert max(lengths) <= SHORT_TOKENS

    @staticmethod
    def _is_gathered(run):
        return run.wide and run.quick

    def _check_overtaking(self, run):
        assert run.line.priority is Priority.INTERACTIVE
        wide = any(each.wide for each in self.running)
        assert wide or len(self.running) >= self.workers, "a core was free"
        assert not any(each.wide and each.goes_first for each in self.running)
        held_up = [each for each in self.running if not each.goes_first]
        if not any(each.is_bulk for each in held_up):
            assert run.quick
            assert len(self.running) - len(held_up) < self.workers, "more go first than cores"
            for each in held_up:
                share = WIDE_SHARE if run.wide else 1 / len(held_up)
                end = self.scheduler._runs._ends[each] - run.cost_seconds * share
                assert end < each.started + HELD_UP_TIMES * each.cost_seconds + 1e-9

    def _check_order(self, run):
        first = min(ticket.due for ticket in run.tickets)
        first_put_off = min(map(put_off, run.tickets))
        left = self._waiting(run.line.priority)
        in_order = all(first <= ticket.due for ticket in left)
        in_order_put_off = all(first_put_off <= put_off(ticket) for ticket in left)
        assert in_order or in_order_put_off, "a ticket that was due before was passed over"
        if self.packs and len(run.tickets) > 1:
            self._check_window(run)
        for ticket in left:
            self.left_behind[ticket] += 1
            assert self.left_behind[ticket] <= self.due_before[ticket]

    def _check_window(self, run):
        waiting = self._waiting(run.line.priority)
        left = [
            ticket
            for ticket in waiting
            if ticket.line is run.line
            if ticket.is_short or not self._is_gathered(run)
        ]
        for when in (lambda ticket: ticket.due, put_off):
            last = max(map(when, run.tickets))
            ahead = sum(ticket.sequence.length for ticket in left if when(ticket) < last)
            if ahead + run.real_tokens < (WINDOW_BATCHES + 1) * self.limits.tokens:
                return
        pytest.fail("a row was taken from too far behind")

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
        Ticket(row, row.fingerprint(), line, due=0, cost_seconds=0)
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
