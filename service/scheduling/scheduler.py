"""The queue of admitted work: the only owner of waiting tickets, and the place where each one's
fate is decided.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field

from service.runtime.sequence import Sequence
from service.runtime.session import Logits, StoppedError, StopSignal
from service.scheduling.answer_cache import AnswerCache
from service.scheduling.backlog import Backlog, Sum
from service.scheduling.batch_plan import BatchLimits, plan_batch
from service.scheduling.cost import CostModel
from service.scheduling.due import DueQueue
from service.scheduling.errors import (
    ClosedError,
    DeadlineExceededError,
    QueueFullError,
)
from service.scheduling.executor import Executor
from service.scheduling.observer import Observer
from service.scheduling.priority import Priority, Shares
from service.scheduling.ticket import Submission, Ticket
from service.scheduling.waiting import WaitingLine

Clock = Callable[[], float]

SATURATED_TICKETS = 9
"""Waiting for each worker, at which long ones are not put off any more."""

SATURATED_SECONDS = 8.0
"""Without a moment in which nothing waited, after which that is so as well."""

BUSY_SHARE = 0.5
"""Of the workers' recent time: a service that is less busy runs long sequences on all of them."""


@dataclass(slots=True, eq=False)
class Reservation:
    """A place in the queue for a request whose length is only estimated yet, because it is still
    being tokenised.
    """

    model: str
    priority: Priority
    deadline: float
    room_seconds: float
    excess_seconds: float
    open: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A batch that a worker has taken: tickets of one model and priority, of like lengths.

    ``wide``: nothing else is to be done, so it may use every core. ``kept``: not bulk that would be
    ended for others. ``started`` is in monotonic seconds.
    """

    line: WaitingLine
    tickets: list[Ticket]
    cost_seconds: float
    started: float = 0.0
    wide: bool = False
    kept: bool = True
    stop: StopSignal = field(default_factory=StopSignal)

    @property
    def sequences(self) -> list[Sequence]:
        """The rows of the batch."""
        return [ticket.sequence for ticket in self.tickets]

    @property
    def padded_length(self) -> int:
        """Tokens of the longest row."""
        return max(ticket.sequence.length for ticket in self.tickets)

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return sum(ticket.sequence.length for ticket in self.tickets)


class Scheduler:
    """Admits, orders and hands out work. Every method may be called from any thread.

    Order: each ticket is *due* at its admission plus the predicted work of the same request before
    it. The ticket that is due first anchors the next batch, so no length and no request is passed
    over for long, and the thousandth window of one document comes after the short question that
    arrived meanwhile. While little waits, long sequences are due later still, and on a busy service
    they never have the last worker, so that short ones need not wait for them.

    Bulk comes after interactive, except for the share that it is owed. While interactive work comes
    in, one worker is kept from bulk, and its batches are halved; where an interactive sequence
    finds no worker, a bulk run that is not owed is ended and waits again.

    Identical sequences of one model and priority that are in flight at once share one ticket.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: BatchLimits,
        max_queue_seconds: float,
        observer: Observer,
        cache_entries: int = 0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._workers = workers
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._changed = threading.Condition()
        self._lines: dict[tuple[str, Priority], WaitingLine] = {}
        self._due = {priority: DueQueue() for priority in Priority}
        self._backlog = Backlog(workers, max_queue_seconds)
        self._shares = Shares()
        self._bulk_runs: set[Run] = set()
        self._ended_for_others: set[Run] = set()
        self._running: dict[Ticket, Run] = {}
        self._cache = AnswerCache(cache_entries)
        self._waiting_since = float("-inf")
        self._closed = False

    # Admission -----------------------------------------------------------------------------------

    def add_model(self, name: str, executor: Executor, cost: CostModel) -> None:
        """Take work for ``name`` from now on."""
        with self._changed:
            for priority in Priority:
                self._lines[name, priority] = WaitingLine(name, priority, executor, cost)

    def reserve(
        self,
        model: str,
        lengths: Rows[int],
        deadline: float,
        priority: Priority = Priority.INTERACTIVE,
        *,
        patient: bool = False,
    ) -> Reservation:
        """Hold a place for sequences of about these lengths (tokens), to be submitted by
        ``deadline``. ``patient``: the caller was refused, and has waited as it was told.

        Raises QueueFullError, DeadlineExceededError (it could not be met) or ClosedError.
        """
        with self._changed:
            self._refuse_if_closed()
            cost = self._lines[model, priority].cost
            seconds = sum(cost.predict(1, length) for length in lengths)
            count = len(lengths)
            self._backlog.admit(
                priority, seconds, deadline, self._clock(), sequences=count, patient=patient
            )
            room = self._backlog.room_for(priority, count, seconds)
            reservation = Reservation(model, priority, deadline, room, seconds - room)
            lane = self._backlog.lanes[priority]
            lane.reserved.add(room)
            if reservation.excess_seconds:
                lane.reserved_excess.add(reservation.excess_seconds)
            return reservation

    def refuse_unread(self, priority: Priority) -> QueueFullError:
        """The refusal of a request that nobody looked at, counted among those who may be back."""
        with self._changed:
            return self._backlog.refuse_unread(priority, self._clock())

    def release(self, reservation: Reservation) -> None:
        """Give the place back. Does nothing after ``submit`` or a second time."""
        with self._changed:
            if reservation.open:
                reservation.open = False
                lane = self._backlog.lanes[reservation.priority]
                lane.reserved.remove(reservation.room_seconds)
                if reservation.excess_seconds:
                    lane.reserved_excess.remove(reservation.excess_seconds)

    def submit(
        self,
        reservation: Reservation,
        sequences: Rows[Sequence],
        on_done: Callable[[Submission], None],
    ) -> Submission:
        """Queue all ``sequences`` (at least one) in the reserved place; ``on_done`` is called once,
        from a worker thread, or from this one when the cache has all of the answer.

        Raises ClosedError, or DeadlineExceededError when the deadline has passed or can no longer
        be met.
        """
        fingerprints = [sequence.fingerprint() for sequence in sequences]
        self.release(reservation)
        with self._changed:
            self._refuse_if_closed()
            line = self._lines[reservation.model, reservation.priority]
            now = self._clock()
            submission = Submission(reservation.deadline, on_done, admitted=now)
            submission.rows = [self._cached(line, fingerprint) for fingerprint in fingerprints]
            missing = [index for index, row in enumerate(submission.rows) if row is None]
            costs = {index: line.cost.predict(1, sequences[index].length) for index in missing}
            self._backlog.refuse_if_too_late(
                reservation.priority, sum(costs.values()), reservation.deadline, now
            )
            submission.unanswered = len(missing)
            room = self._backlog.room_for(reservation.priority, len(missing), sum(costs.values()))
            before, shared = 0.0, 0
            for index in missing:
                fingerprint = fingerprints[index]
                ticket = line.in_flight(fingerprint)
                if ticket is None:
                    cost = costs[index]
                    ticket = Ticket(sequences[index], fingerprint, line, now + before, cost)
                    before += cost
                    ticket.takes_room = index == missing[0] or before <= room * (1 + 1e-9)
                    self._add(ticket)
                else:
                    shared += 1
                self._claim(ticket, submission, index)
            if missing:
                self._changed.notify(min(len(missing) - shared, self._workers))
                if reservation.priority is Priority.INTERACTIVE:
                    self._make_way(costs[missing[0]], now)
                self._report_queue()
            else:
                submission.settled = True
                submission.first_started = submission.last_finished = now
        if self._cache.is_on:
            self._observer.cache_asked(line.name, len(sequences) - len(missing), len(missing))
        if shared:
            self._observer.runs_shared(line.name, shared)
        if not missing:
            on_done(submission)
        return submission

    def cancel(self, submission: Submission) -> None:
        """Forget a submission whose caller left: what waits of it will not run, a run that nobody
        else waits for ends early, and ``on_done`` is not called.
        """
        with self._changed:
            submission.settled = True
            self._withdraw(submission)

    def queue_is_idle(self) -> bool:
        """Whether nothing waits, is being tokenised or runs."""
        with self._changed:
            return self._backlog.is_empty

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError("The service is shutting down.")

    # Workers -------------------------------------------------------------------------------------

    def take(self) -> Run | None:
        """The next batch for the calling worker; waits until there is one. None when closed and
        nothing is left.
        """
        with self._changed:
            while True:
                run, expired = self._next_run()
                if expired:
                    self._changed.release()
                    try:
                        _call_back(expired)
                    finally:
                        self._changed.acquire()
                if run is not None:
                    # What this worker may not take now, another may.
                    if self._backlog.waiting_count:
                        self._changed.notify()
                    return run
                if expired:
                    continue
                if self._closed and not self._backlog.waiting_count:
                    self._changed.notify_all()
                    return None
                self._changed.wait()

    def poll(self) -> Run | None:
        """The next batch, or None when there is none for a worker to take now."""
        with self._changed:
            run, expired = self._next_run()
        _call_back(expired)
        return run

    def finish(self, run: Run, answers: Rows[Logits | Exception], seconds: float) -> None:
        """Hand in what ``run`` gave: for each ticket its logits, or the error that it alone met.

        ``seconds`` is how long the batch ran as one; 0 when it had to be run row by row, which
        teaches nothing.
        """
        now = self._clock()
        rows, padded_length = len(run.tickets), run.padded_length
        done = []
        with self._changed:
            self._backlog.running.remove(run.cost_seconds)
            self._bulk_runs.discard(run)
            stopped = any(isinstance(answer, StoppedError) for answer in answers)
            if stopped:
                self._shares.gave_back(run.line.priority, run.cost_seconds)
            if run in self._ended_for_others:
                self._ended_for_others.remove(run)
                if stopped:
                    self._wait_again(run)
                    return
            if not run.wide:
                run.line.cost.observe(rows, padded_length, seconds)
            for ticket, answer in zip(run.tickets, answers, strict=True):
                run.line.forget(ticket)
                del self._running[ticket]
                if self._cache.is_on and not isinstance(answer, Exception):
                    self._cache.put((run.line.name, ticket.fingerprint), answer)
                for submission, indices in list(ticket.claims.items()):
                    if self._answer(submission, indices, answer, now):
                        done.append(submission)
        _call_back(done)
        if seconds:
            self._observer.batch_ran(
                run.line.name, rows, run.real_tokens, rows * padded_length, seconds
            )

    def close(self) -> None:
        """Take no more work; workers finish what waits and then get None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Refuse everything that still waits. For the end of the drain time."""
        with self._changed:
            self._closed = True
            submissions = {
                submission: None
                for waiting in self._due.values()
                for ticket in waiting
                for submission in ticket.claims
            }
            for submission in submissions:
                self._fail(
                    submission, ClosedError("The service shut down before this request ran.")
                )
            self._changed.notify_all()
        _call_back(submissions)

    def _next_run(self) -> tuple[Run | None, list[Submission]]:
        """The batch that a worker takes now, and the submissions found to be too late on the way to
        it.
        """
        expired: list[Submission] = []
        now = self._clock()
        for priority in self._order_of_service(now):
            run = self._run_of(priority, now, expired)
            if run is not None:
                return run, expired
        return None, expired

    def _order_of_service(self, now: float) -> list[Priority]:
        """The priorities that may run now, the one to be served first in front."""
        order = [Priority.INTERACTIVE]
        most = self._workers
        if self._workers > 1 and self._shares.interactive_is_recent(now):
            most -= 1
        if len(self._bulk_runs) < most:
            order.insert(0 if self._shares.bulk_is_owed else 1, Priority.BULK)
        return order

    def _run_of(self, priority: Priority, now: float, expired: list[Submission]) -> Run | None:
        """The batch around the ticket of this priority that is due first. Submissions found to be
        too late are added to ``expired``.
        """
        anchor = self._first_due(priority, now, expired)
        if anchor is None:
            return None
        line = anchor.line
        plan = plan_batch(
            anchor.sequence.length, line.lengths, self._limits_for(line, now), line.cost.predict
        )
        tickets = []
        for length, count in plan.items():
            for ticket in line.first(length, count, anchor):
                expired += self._expire(ticket, now)
                tickets.append(ticket)
        # Expiring one submission may have withdrawn tickets chosen before it.
        tickets = [ticket for ticket in tickets if ticket.waiting]
        if not tickets:
            return None
        for ticket in tickets:
            self._take_out(ticket)
            ticket.started = now
            for submission in ticket.claims:
                if submission.first_started is None:
                    submission.first_started = now
        padded_length = max(ticket.sequence.length for ticket in tickets)
        wide = line.executor.widens and self._nothing_else_to_do(tickets)
        kept = priority is Priority.INTERACTIVE or self._shares.bulk_is_kept
        cost_seconds = line.cost.predict(len(tickets), padded_length)
        run = Run(line, tickets, cost_seconds, now, wide, kept)
        self._backlog.running.add(run.cost_seconds)
        self._running.update(dict.fromkeys(tickets, run))
        if priority is Priority.BULK:
            self._bulk_runs.add(run)
        bulk_is_here = bool(self._bulk_runs or self._backlog.lanes[Priority.BULK].waiting_count)
        self._shares.took(priority, run.cost_seconds, now, bulk_is_here=bulk_is_here)
        self._report_queue()
        return run

    def _first_due(
        self, priority: Priority, now: float, expired: list[Submission]
    ) -> Ticket | None:
        """The ticket to begin the next batch with."""
        due = self._due[priority]
        put_off_long = not self._is_saturated(now)
        while (ticket := due.first(put_off_long=put_off_long)) is not None:
            expired += self._expire(ticket, now)
            if ticket.waiting:
                break
        if ticket is None or not self._must_leave_a_worker(ticket, now):
            return ticket
        for other in due.in_order():
            if not other.line.is_long(other):
                expired += self._expire(other, now)
                if other.waiting:
                    return other
        return None

    def _must_leave_a_worker(self, ticket: Ticket, now: float) -> bool:
        """Whether a long ticket has to leave the last worker to the short ones that keep coming."""
        return (
            ticket.line.priority is Priority.INTERACTIVE
            and ticket.line.is_long(ticket)
            and not self._is_saturated(now)
            and self._shares.busy(self._workers, now) > BUSY_SHARE
            and len(self._long_runs()) >= self._workers - 1 > 0
        )

    def _long_runs(self) -> set[Run]:
        return {run for ticket, run in self._running.items() if ticket.line.is_long(ticket)}

    def _is_saturated(self, now: float) -> bool:
        """Whether so much waits, or has for so long, that to put long tickets off would only hold
        them back.
        """
        return (
            self._backlog.waiting_count >= SATURATED_TICKETS * self._workers
            or now - self._waiting_since > SATURATED_SECONDS
        )

    def _make_way(self, cost_seconds: float, now: float) -> None:
        """End the bulk run that has longest to go, if it keeps interactive work waiting for longer
        than that runs itself.
        """
        if self._backlog.running.count < self._workers:
            return
        ends = {
            run: run.started + run.cost_seconds
            for run in self._bulk_runs - self._ended_for_others
            if not run.kept
        }
        last = max(ends, key=ends.__getitem__, default=None)
        if last is not None and ends[last] - now > cost_seconds:
            self._ended_for_others.add(last)
            last.stop.stop()

    def _wait_again(self, run: Run) -> None:
        """Put what was ended for others back to where it was due."""
        for ticket in run.tickets:
            del self._running[ticket]
            if ticket.claims:
                ticket.waiting, ticket.started = True, None
                self._add(ticket)
            else:
                run.line.forget(ticket)
        self._changed.notify()
        self._report_queue()

    def _nothing_else_to_do(self, taken: list[Ticket]) -> bool:
        return (
            self._workers > 1
            and len(taken) == 1
            and not self._backlog.running.count
            and not self._backlog.waiting_count
        )

    def _limits_for(self, line: WaitingLine, now: float) -> BatchLimits:
        """Share what waits evenly among the idle workers while it is less than a full batch for
        each; bulk has smaller batches while interactive work may have to wait for them.
        """
        idle = max(1, self._workers - self._backlog.running.count)
        most = self._limits.padded_tokens
        if line.priority is Priority.BULK and self._shares.interactive_is_recent(now):
            most = max(1, most // 2)
        return BatchLimits(min(most, math.ceil(line.waiting_tokens / idle)), self._limits.waste)

    def _cached(self, line: WaitingLine, fingerprint: bytes) -> Logits | None:
        return self._cache.get((line.name, fingerprint)) if self._cache.is_on else None

    def _add(self, ticket: Ticket) -> None:
        if not self._backlog.waiting_count:
            self._waiting_since = self._clock()
        self._sum_of(ticket).add(ticket.cost_seconds)
        ticket.line.add(ticket)
        self._due[ticket.line.priority].add(ticket)

    def _sum_of(self, ticket: Ticket) -> Sum:
        lane = self._backlog.lanes[ticket.line.priority]
        return lane.waiting if ticket.takes_room else lane.waiting_excess

    def _claim(self, ticket: Ticket, submission: Submission, index: int) -> None:
        submission.tickets.append(ticket)
        ticket.claims.setdefault(submission, []).append(index)
        if ticket.started is not None and submission.first_started is None:
            submission.first_started = submission.admitted

    def _answer(
        self,
        submission: Submission,
        indices: list[int],
        answer: Logits | Exception,
        now: float,
    ) -> bool:
        """Whether the submission is answered, or failed, by this."""
        if submission.settled:
            return False
        if isinstance(answer, Exception):
            self._fail(submission, answer)
            return True
        for index in indices:
            submission.rows[index] = answer
        submission.unanswered -= len(indices)
        if submission.unanswered:
            return False
        submission.settled = True
        submission.last_finished = now
        submission.tickets = []  # they point back at it, a cycle for the gc
        return True

    def _expire(self, ticket: Ticket, now: float) -> list[Submission]:
        """The submissions that this ticket can no longer answer in time, refused."""
        end = now + ticket.cost_seconds
        late = [submission for submission in ticket.claims if end > submission.deadline]
        for submission in late:
            self._fail(
                submission, DeadlineExceededError("The deadline passed while the request waited.")
            )
        return late

    def _fail(self, submission: Submission, error: Exception) -> None:
        submission.error = error
        submission.settled = True
        self._withdraw(submission)

    def _withdraw(self, submission: Submission) -> None:
        for ticket in submission.tickets:
            ticket.claims.pop(submission, None)
            if ticket.claims:
                continue
            if ticket.waiting:
                self._take_out(ticket)
                ticket.line.forget(ticket)
            else:
                self._stop_if_unwanted(ticket)
        submission.tickets = []
        # Cancelled tickets leave the heap when they surface; sweep them when they are most of it.
        for priority, waiting in self._due.items():
            count = self._backlog.lanes[priority].waiting_count
            if len(waiting) > 64 and len(waiting) > 2 * count:
                waiting.sweep()
        self._report_queue()

    def _stop_if_unwanted(self, ticket: Ticket) -> None:
        """End the run of a ticket when nobody waits for any of its rows."""
        run = self._running.get(ticket)
        if run is None or any(each.claims for each in run.tickets):
            return
        run.stop.stop()
        for each in run.tickets:  # nobody may join them now
            each.line.forget(each)

    def _take_out(self, ticket: Ticket) -> None:
        ticket.waiting = False
        ticket.line.remove(ticket)
        self._sum_of(ticket).remove(ticket.cost_seconds)

    def _report_queue(self) -> None:
        self._observer.queue_changed(self._backlog.waiting_count, self._backlog.queue_seconds)


def _call_back(submissions: Iterable[Submission]) -> None:
    for submission in submissions:
        submission.on_done(submission)
