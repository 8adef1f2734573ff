"""The queue of admitted work: the only owner of waiting tickets, and the place where each one's
fate is decided.
"""

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as Rows
from dataclasses import dataclass

from service.runtime.sequence import Sequence
from service.runtime.session import Logits
from service.scheduling.backlog import Backlog
from service.scheduling.batch_plan import BatchLimits, plan_batch
from service.scheduling.cost import CostModel
from service.scheduling.errors import (
    ClosedError,
    DeadlineExceededError,
)
from service.scheduling.executor import Executor
from service.scheduling.observer import Observer
from service.scheduling.ticket import Submission, Ticket
from service.scheduling.waiting import WaitingLine

Clock = Callable[[], float]


@dataclass(slots=True, eq=False)
class Reservation:
    """A place in the queue for a request whose length is only estimated yet, because it is still
    being tokenised.
    """

    model: str
    deadline: float
    seconds: float
    open: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """A batch that a worker has taken: tickets of one model, of like lengths, no longer waiting."""

    line: WaitingLine
    tickets: list[Ticket]
    cost_seconds: float

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
    arrived meanwhile.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: BatchLimits,
        max_queue_seconds: float,
        observer: Observer,
        clock: Clock = time.monotonic,
    ) -> None:
        self._workers = workers
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._changed = threading.Condition()
        self._lines: dict[str, WaitingLine] = {}
        self._due: list[tuple[float, int, Ticket]] = []
        self._order = itertools.count()
        self._backlog = Backlog(workers, max_queue_seconds)
        self._closed = False

    # Admission -----------------------------------------------------------------------------------

    def add_model(self, name: str, executor: Executor, cost: CostModel) -> None:
        """Take work for ``name`` from now on."""
        with self._changed:
            self._lines[name] = WaitingLine(name, executor, cost)

    def reserve(self, model: str, lengths: Rows[int], deadline: float) -> Reservation:
        """Hold a place for sequences of about these lengths (tokens), to be submitted by
        ``deadline``.

        Raises QueueFullError, DeadlineExceededError (it could not be met) or ClosedError.
        """
        with self._changed:
            self._refuse_if_closed()
            cost = self._lines[model].cost
            seconds = sum(cost.predict(1, length) for length in lengths)
            self._backlog.admit(seconds, deadline, self._clock())
            self._backlog.reserved.add(seconds)
            return Reservation(model, deadline, seconds)

    def release(self, reservation: Reservation) -> None:
        """Give the place back. Does nothing after ``submit`` or a second time."""
        with self._changed:
            if reservation.open:
                reservation.open = False
                self._backlog.reserved.remove(reservation.seconds)

    def submit(
        self,
        reservation: Reservation,
        sequences: Rows[Sequence],
        on_done: Callable[[Submission], None],
    ) -> Submission:
        """Queue all ``sequences`` (at least one) in the reserved place; ``on_done`` is called once,
        from a worker thread.

        Raises ClosedError, or DeadlineExceededError when the deadline has passed or can no longer
        be met.
        """
        self.release(reservation)
        with self._changed:
            self._refuse_if_closed()
            line = self._lines[reservation.model]
            now = self._clock()
            costs = [line.cost.predict(1, sequence.length) for sequence in sequences]
            self._backlog.refuse_if_too_late(sum(costs), reservation.deadline, now)
            submission = Submission(reservation.deadline, on_done, admitted=now)
            submission.rows = [None] * len(sequences)
            submission.unanswered = len(sequences)
            before = 0.0
            for index, (sequence, cost) in enumerate(zip(sequences, costs, strict=True)):
                ticket = Ticket(sequence, line.name, submission, index, now + before, cost)
                before += cost
                self._backlog.waiting.add(cost)
                submission.tickets.append(ticket)
                line.add(ticket)
                heapq.heappush(self._due, (ticket.due, next(self._order), ticket))
            self._changed.notify(min(len(sequences), self._workers))
            self._report_queue()
        return submission

    def cancel(self, submission: Submission) -> None:
        """Forget a submission whose caller left: what waits of it will not run, and ``on_done`` is
        not called.
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
                        for submission in expired:
                            submission.on_done(submission)
                    finally:
                        self._changed.acquire()
                if run is not None:
                    return run
                if expired:
                    continue
                if self._closed:
                    return None
                self._changed.wait()

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
            run.line.cost.observe(rows, padded_length, seconds)
            for ticket, answer in zip(run.tickets, answers, strict=True):
                submission = ticket.submission
                if submission.settled:
                    continue
                if isinstance(answer, Exception):
                    self._fail(submission, answer)
                    done.append(submission)
                    continue
                submission.rows[ticket.index] = answer
                submission.unanswered -= 1
                if submission.unanswered == 0:
                    submission.settled = True
                    submission.last_finished = now
                    submission.tickets = []  # they point back at it, a cycle for the gc
                    done.append(submission)
        for submission in done:
            submission.on_done(submission)
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
            submissions = {ticket.submission: None for _, _, ticket in self._due if ticket.waiting}
            for submission in submissions:
                self._fail(
                    submission, ClosedError("The service shut down before this request ran.")
                )
            self._changed.notify_all()
        for submission in submissions:
            submission.on_done(submission)

    def _next_run(self) -> tuple[Run | None, list[Submission]]:
        """The batch around the ticket that is due first, and the submissions found to be too late
        on the way to it.
        """
        expired: list[Submission] = []
        now = self._clock()
        while self._due:
            anchor = self._due[0][2]
            if not anchor.waiting:
                heapq.heappop(self._due)
            elif self._is_too_late(anchor, now):
                expired.append(self._expire(anchor.submission))
            else:
                break
        if not self._due:
            return None, expired
        line = self._lines[anchor.model]
        plan = plan_batch(anchor.sequence.length, line.lengths, self._limits_for(line))
        tickets = []
        for length, count in plan.items():
            for ticket in line.first(length, count, anchor):
                if not ticket.waiting:
                    continue
                if self._is_too_late(ticket, now):
                    expired.append(self._expire(ticket.submission))
                else:
                    tickets.append(ticket)
        # Expiring one submission may have withdrawn tickets chosen before it.
        tickets = [ticket for ticket in tickets if ticket.waiting]
        if not tickets:
            return None, expired
        for ticket in tickets:
            self._take_out(ticket)
            if ticket.submission.first_started is None:
                ticket.submission.first_started = now
        padded_length = max(ticket.sequence.length for ticket in tickets)
        run = Run(line, tickets, line.cost.predict(len(tickets), padded_length))
        self._backlog.running.add(run.cost_seconds)
        self._report_queue()
        return run, expired

    def _limits_for(self, line: WaitingLine) -> BatchLimits:
        """Share what waits evenly among the idle workers while it is less than a full batch for
        each.
        """
        idle = max(1, self._workers - self._backlog.running.count)
        share = math.ceil(line.waiting_tokens / idle)
        return BatchLimits(min(self._limits.padded_tokens, share), self._limits.waste)

    def _is_too_late(self, ticket: Ticket, now: float) -> bool:
        return now + ticket.cost_seconds > ticket.submission.deadline

    def _expire(self, submission: Submission) -> Submission:
        return self._fail(
            submission, DeadlineExceededError("The deadline passed while the request waited.")
        )

    def _fail(self, submission: Submission, error: Exception) -> Submission:
        submission.error = error
        submission.settled = True
        self._withdraw(submission)
        return submission

    def _withdraw(self, submission: Submission) -> None:
        for ticket in submission.tickets:
            if ticket.waiting:
                self._take_out(ticket)
        submission.tickets = []
        # Cancelled tickets leave the heap when they surface; sweep them when they are most of it.
        if len(self._due) > 64 and len(self._due) > 2 * self._backlog.waiting.count:
            self._due = [entry for entry in self._due if entry[2].waiting]
            heapq.heapify(self._due)
        self._report_queue()

    def _take_out(self, ticket: Ticket) -> None:
        ticket.waiting = False
        self._lines[ticket.model].remove(ticket)
        self._backlog.waiting.remove(ticket.cost_seconds)

    def _report_queue(self) -> None:
        self._observer.queue_changed(self._backlog.waiting.count, self._backlog.queue_seconds)
