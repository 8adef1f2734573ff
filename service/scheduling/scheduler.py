"""The queue of admitted work: what enters it, what workers take out, and what they hand in."""

import threading
import time
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Rows
from dataclasses import dataclass

from service.runtime.sequence import Sequence
from service.runtime.session import Logits, StoppedError
from service.scheduling.answer_cache import AnswerCache
from service.scheduling.backlog import Backlog
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.claims import Claims
from service.scheduling.cost import CostModel
from service.scheduling.crew import Crew
from service.scheduling.dispatch import Dispatch
from service.scheduling.errors import ClosedError, QueueFullError
from service.scheduling.executor import Executor
from service.scheduling.observer import Observer
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
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._woken = {crew: threading.Condition(self._lock) for crew in Crew}
        self._lines: dict[tuple[str, Priority], WaitingLine] = {}
        self._backlog = Backlog(workers, max_queue_seconds)
        self._runs = RunsInProgress()
        self._turns = Turns(workers, limits, self._backlog, self._runs)
        self._claims = Claims(self._backlog, self._runs, self._turns)
        self._dispatch = Dispatch(
            workers, self._backlog, self._runs, self._turns, self._claims, self._woken
        )
        self._cache = AnswerCache(cache_entries)
        self._closed = False

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
            before, shared, placed = 0.0, 0, 0
            for index in missing:
                fingerprint, due = fingerprints[index], now + before
                ticket = line.in_flight(fingerprint)
                shared += ticket is not None
                if ticket is None or (ticket.waiting and ticket.due > due):
                    before += costs[index]
                    has_room = index == missing[0] or before <= room * (1 + 1e-9)
                    if ticket is None:
                        ticket = Ticket(sequences[index], fingerprint, line, due, costs[index])
                        ticket.takes_room = has_room
                        self._claims.add(ticket)
                    else:
                        has_room = has_room or ticket.takes_room
                        self._claims.bring_forward(ticket, due, takes_room=has_room)
                    placed += 1
                self._claims.claim(ticket, submission, index)
            if missing:
                self._dispatch.wake(placed, now)
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

    def take(self, crew: Crew = Crew.ALONE) -> Run | None:
        """The next batch for the calling worker, who is of this ``crew``; waits until there is one.
        None when closed and nothing is left.
        """
        with self._lock:
            while True:
                run, expired = self._dispatch.next_run(crew, self._clock())
                if expired:
                    self._lock.release()
                    try:
                        _call_back(expired)
                    finally:
                        self._lock.acquire()
                if run is not None:
                    # What this worker may not take now, another may.
                    self._dispatch.wake(min(1, self._backlog.waiting_count), run.started)
                    return run
                if expired:
                    continue
                if self._closed and not self._backlog.waiting_count:
                    self._wake_all()
                    return None
                self._woken[crew].wait()

    def poll(self, crew: Crew | None = None) -> Run | None:
        """The next batch for a worker of ``crew``, or None when there is none to take now. If it
        is of none, for any of them, on a core that is free.
        """
        while True:
            with self._lock:
                run, expired = self._dispatch.next_run(crew, self._clock())
            _call_back(expired)
            if run is not None or not expired:  # all of a batch may have been too late
                return run

    def _wake_all(self) -> None:
        for woken in self._woken.values():
            woken.notify_all()

    def finish(self, run: Run, answers: Rows[Logits | Exception], seconds: float) -> None:
        """Hand in what ``run`` gave: for each ticket its logits, or the error that it alone met.

        ``seconds`` is how long the batch ran as one; 0 when it had to be run row by row, which
        teaches nothing.
        """
        now = self._clock()
        rows, longest, line = len(run.tickets), run.padded_length, run.line
        computed = line.computed_tokens(rows, longest, run.real_tokens)
        done = []
        with self._lock:
            self._backlog.running.remove(run.cost_seconds)
            if self._runs.end(run):
                line.cost.observe(rows, longest, seconds, computed)
            if any(isinstance(answer, StoppedError) for answer in answers):
                self._turns.gave_back(run)
            for ticket, answer in zip(run.tickets, answers, strict=True):
                line.forget(ticket)
                if self._cache.is_on and not isinstance(answer, Exception):
                    self._cache.put((line.name, ticket.fingerprint), answer)
                for submission, indices in list(ticket.claims.items()):
                    if self._claims.answer(submission, indices, answer, now):
                        done.append(submission)
            if run.wide or run.goes_first:  # its worker's core, and not its worker, is free
                self._dispatch.wake(self._backlog.waiting_count, now)
        _call_back(done)
        if seconds:
            self._observer.batch_ran(line.name, rows, run.real_tokens, computed, seconds)

    def close(self) -> None:
        """Take no more work; workers finish what waits and then get None."""
        with self._lock:
            self._closed = True
            self._wake_all()

    def abandon(self) -> None:
        """Refuse everything that still waits. For the end of the drain time."""
        with self._lock:
            self._closed = True
            submissions = {
                submission: None for ticket in self._turns.waiting() for submission in ticket.claims
            }
            for submission in submissions:
                self._claims.fail(
                    submission, ClosedError("The service shut down before this request ran.")
                )
            self._wake_all()
        _call_back(submissions)

    def _cached(self, line: WaitingLine, fingerprint: bytes) -> Logits | None:
        return self._cache.get((line.name, fingerprint)) if self._cache.is_on else None


def _call_back(submissions: Iterable[Submission]) -> None:
    for submission in submissions:
        submission.on_done(submission)
