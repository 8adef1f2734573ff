"""The queue of admitted work: what enters it, what workers take out, and what they hand in."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Rows
from dataclasses import dataclass

from service.runtime.halfway import Halfway
from service.runtime.sequence import Sequence
from service.runtime.session import Logits, StoppedError
from service.scheduling.answer_cache import AnswerCache
from service.scheduling.backlog import Backlog
from service.scheduling.batch import batch_around, layers_for
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.claims import Claims
from service.scheduling.cost import CostModel
from service.scheduling.errors import ClosedError, QueueFullError
from service.scheduling.executor import Executor
from service.scheduling.observer import Observer
from service.scheduling.patience import due_after
from service.scheduling.priority import Priority
from service.scheduling.runs import Run, RunsInProgress
from service.scheduling.ticket import Submission, Ticket
from service.scheduling.turns import Turns
from service.scheduling.waiting import WaitingLine

Clock = Callable[[], float]


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


class Scheduler:
    """Admits, orders and hands out work. Every method may be called from any thread.

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
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._numbers = itertools.count()
        self._lines: dict[tuple[str, Priority], WaitingLine] = {}
        self._backlog = Backlog(workers, max_queue_seconds)
        self._runs = RunsInProgress()
        self._turns = Turns(workers, limits, self._backlog, self._runs)
        self._claims = Claims(self._backlog, self._runs, self._turns)
        self._cache = AnswerCache(cache_entries)
        self._closed = False
        self._abandoned = False

    # Admission -----------------------------------------------------------------------------------

    def add_model(self, name: str, executor: Executor, cost: CostModel) -> None:
        """Take work for ``name`` from now on."""
        with self._lock:
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
        let_in: bool = False,
    ) -> Reservation:
        """Hold a place for sequences of about these lengths (tokens), to be submitted by
        ``deadline``. ``patient``: the caller was refused, and has waited as it was told.
        ``let_in``: ``is_full`` was asked when the request came, and it was not.

        Raises QueueFullError, DeadlineExceededError (it could not be met) or ClosedError.
        """
        with self._lock:
            self._refuse_if_closed()
            cost = self._lines[model, priority].cost
            seconds = sum(cost.predict(1, length) for length in lengths)
            count = len(lengths)
            self._backlog.admit(
                priority,
                seconds,
                deadline,
                self._clock(),
                sequences=count,
                patient=patient,
                let_in=let_in,
            )
            room = self._backlog.room_for(priority, count, seconds)
            reservation = Reservation(model, priority, deadline, room, seconds - room)
            lane = self._backlog.lanes[priority]
            lane.reserved.add(room)
            if reservation.excess_seconds:
                lane.reserved_excess.add(reservation.excess_seconds)
            return reservation

    def is_full(self, priority: Priority, coming: int = 0) -> bool:
        """Whether there is room for nobody but patient callers, whatever they ask, behind so many
        requests of which nothing is known yet.
        """
        return self._backlog.is_full(priority, coming)  # sums are read: no lock is needed

    def refuse_unread(self, priority: Priority) -> QueueFullError:
        """The refusal of a request that nobody looked at, counted among those who may be back."""
        with self._lock:
            return self._backlog.refuse_unread(priority, self._clock())

    def release(self, reservation: Reservation) -> None:
        """Give the place back. Does nothing after ``submit`` or a second time."""
        with self._lock:
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
        with self._lock:
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
                    came = now + before
                    due = came + due_after(cost, line.cost)
                    number = next(self._numbers)
                    ticket = Ticket(sequences[index], fingerprint, line, came, due, cost, number)
                    before += cost
                    ticket.takes_room = index == missing[0] or before <= room * (1 + 1e-9)
                    self._claims.wait(ticket)
                else:
                    shared += 1
                self._claims.claim(ticket, submission, index)
            if missing:
                self._wake(len(missing) - shared)
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
        with self._lock:
            submission.settled = True
            self._claims.withdraw(submission)

    def queue(self) -> tuple[int, float]:
        """How many sequences wait, and the predicted seconds until the workers have run them and
        what is being tokenised.
        """
        with self._lock:
            return self._backlog.waiting_count, self._backlog.queue_seconds

    def queue_is_idle(self) -> bool:
        """Whether nothing waits, is being tokenised or runs."""
        with self._lock:
            return self._backlog.is_empty

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError("The service is shutting down.")

    # Workers -------------------------------------------------------------------------------------

    def take(self) -> Run | None:
        """The next run for the calling worker; waits until there is one. None when closed and
        nothing is left.
        """
        with self._lock:
            while True:
                run, expired = self._next_run()
                if expired:
                    self._lock.release()
                    try:
                        _call_back(expired)
                    finally:
                        self._lock.acquire()
                if run is not None:
                    # What this worker does not take, another may.
                    self._wake(min(1, self._backlog.waiting_count))
                    return run
                if expired:
                    continue
                if self._closed and self._is_done:
                    self._changed.notify_all()
                    return None
                self._changed.wait()

    def poll(self) -> Run | None:
        """The next run, or None when there is none for a worker to take now."""
        while True:
            with self._lock:
                run, expired = self._next_run()
            _call_back(expired)
            if run is not None or not expired:  # all of a batch may have been too late
                return run

    @property
    def _is_done(self) -> bool:
        """Whether nothing waits, and nothing runs that may wait again."""
        return not (self._backlog.waiting_count or self._backlog.running.count)

    def _wake(self, rows: int) -> None:
        """Have workers look for so many rows that wait."""
        if rows and not self._runs.fill(self._workers):
            self._changed.notify(min(rows, self._workers))

    def finish(self, run: Run, results: Rows[Logits | Halfway | Exception], seconds: float) -> None:
        """Hand in what ``run`` gave: for each ticket its logits, how far it has come if that is not
        the end, or the error that it alone met.

        ``seconds`` is how long the batch ran as one; 0 when it had to be run row by row, which
        teaches nothing.
        """
        now = self._clock()
        rows, longest, line = len(run.tickets), run.padded_length, run.line
        computed = line.computed_tokens(rows, longest, run.real_tokens)
        done = []
        with self._lock:
            self._backlog.running.remove(run.cost_seconds)
            if run.is_typical:
                line.cost.observe(rows, longest, seconds / run.share, computed)
            self._runs.end(run)
            if any(isinstance(result, StoppedError) for result in results):
                self._turns.gave_back(run)
            for ticket, result in zip(run.tickets, results, strict=True):
                if isinstance(result, Halfway):
                    done += self._go_on(ticket, result)
                else:
                    done += self._claims.settle(ticket, result, now)
                    if self._cache.is_on and not isinstance(result, Exception):
                        self._cache.put((line.name, ticket.fingerprint), result)
            self._wake_after(run)
        _call_back(done)
        if seconds:
            self._observer.batch_ran(
                line.name, rows, run.share * run.real_tokens, run.share * computed, seconds
            )

    def _go_on(self, ticket: Ticket, row: Halfway) -> list[Submission]:
        """Let a ticket that is not at its end wait again, unless nobody waits for it any more. The
        submissions that are refused instead.
        """
        if not ticket.claims:
            ticket.line.forget(ticket)
        elif self._abandoned:
            return self._claims.settle(ticket, _abandoned(), self._clock())
        else:
            ticket.row = row
            ticket.layers_left = ticket.line.executor.layers - row.layers
            self._claims.wait(ticket)
        return []

    def _wake_after(self, run: Run) -> None:
        """The worker that hands ``run`` in looks for the next by itself; the others slept while it
        had every core. If this was the last run of all, they are to end.
        """
        if run.wide:
            self._wake(self._backlog.waiting_count)
        if self._closed and self._is_done:
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more work; workers finish what waits and then get None."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Refuse everything that still waits. For the end of the drain time."""
        with self._lock:
            self._closed = self._abandoned = True
            submissions = {
                submission: None for ticket in self._turns.waiting() for submission in ticket.claims
            }
            for submission in submissions:
                self._claims.fail(submission, _abandoned())
            self._changed.notify_all()
        _call_back(submissions)

    def _next_run(self) -> tuple[Run | None, list[Submission]]:
        """The run that a worker takes now, and the submissions found to be too late on the way to
        it.
        """
        expired: list[Submission] = []
        now = self._clock()
        for priority in self._turns.priorities():
            for anchor in self._turns.in_turn(priority):
                expired += self._claims.expire(anchor, now)
                if anchor.waiting:
                    return self._begin_around(anchor, now, expired), expired
        return None, expired

    def _begin_around(self, anchor: Ticket, now: float, expired: list[Submission]) -> Run | None:
        """The run of the ticket that is due first. Submissions found to be too late are added to
        ``expired``.
        """
        tickets = batch_around(anchor, self._turns, now)
        for ticket in tickets:
            expired += self._claims.expire(ticket, now)
        # Expiring one submission may have withdrawn tickets chosen before it.
        tickets = [ticket for ticket in tickets if ticket.waiting]
        return self._begin(tickets, now) if tickets else None

    def _begin(self, tickets: list[Ticket], now: float) -> Run:
        line = tickets[0].line
        crowded = self._turns.is_crowded(line.priority)
        for ticket in tickets:
            self._claims.take_out(ticket)
            ticket.started = now
            for submission in ticket.claims:
                if submission.first_started is None:
                    submission.first_started = now
        wide = line.executor.widens and self._turns.may_be_wide(tickets)
        layers = layers_for(tickets, crowded=crowded, wide=wide)
        lengths = [ticket.sequence.length for ticket in tickets]
        whole = line.predict(len(lengths), max(lengths), sum(lengths))
        run = Run(
            line,
            tickets,
            layers,
            whole * layers / line.executor.layers,
            wide=wide,
        )
        self._backlog.running.add(run.cost_seconds)
        self._runs.begin(run)
        self._turns.began(run)
        return run

    def _cached(self, line: WaitingLine, fingerprint: bytes) -> Logits | None:
        return self._cache.get((line.name, fingerprint)) if self._cache.is_on else None


def _abandoned() -> ClosedError:
    return ClosedError("The service shut down before this request was answered.")


def _call_back(submissions: Iterable[Submission]) -> None:
    for submission in submissions:
        submission.on_done(submission)
