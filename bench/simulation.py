"""The service without a model: its own scheduler on a virtual clock, with predicted run times.

Admission, queue, planner and learning cost model are the service's. What is simulated stands around
them: the event loop that every request passes twice, the workers, and the cores that both share.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from bench.simulation_profile import Profile
from service.runtime.halfway import Halfway, Layout, Together
from service.runtime.sequence import Sequence as Row
from service.runtime.session import Logits, StopSignal
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.errors import DeadlineExceededError, SchedulingError
from service.scheduling.priority import Priority
from service.scheduling.runs import Run
from service.scheduling.scheduler import Scheduler
from service.scheduling.ticket import Submission, Ticket

MODEL = "simulated"
LIMITS = BatchLimits(256)
NO_LOGITS: Logits = ()
_ONE = np.zeros(1, np.int64)
NOTHING = Together(np.empty((0, 0), np.float32), Layout([Row(_ONE, _ONE)], [False]), 0)
"""What a row is between two layers that nobody computes."""

Action = Callable[[], None]
OnAnswer = Callable[[SchedulingError | None], None]
"""Is told why there is no answer, or None."""


class VirtualTime:
    """Seconds that pass from event to event. Called, it is the clock."""

    def __init__(self) -> None:
        self._now = 0.0
        self._events: list[tuple[float, int, Action]] = []
        self._order = itertools.count()

    def __call__(self) -> float:
        """Now."""
        return self._now

    def at(self, moment: float, action: Action) -> None:
        """Call ``action`` at ``moment``, which is not before now; those of one moment in the order
        in which they were asked for.
        """
        heapq.heappush(self._events, (moment, next(self._order), action))

    def run(self) -> None:
        """Let time pass until nothing is left to happen."""
        while self._events:
            self._now, _, action = heapq.heappop(self._events)
            action()


@dataclass(slots=True, eq=False)
class Job:
    """What runs on cores."""

    seconds_left: float
    threads: int
    done: Action


class Cores:
    """Runs on ``count`` cores. More threads than those share them evenly, and all become slower."""

    def __init__(self, time: VirtualTime, count: int) -> None:
        self._time = time
        self._count = count
        self._jobs: list[Job] = []
        self._settled = 0.0
        self._version = 0

    def run(self, seconds: float, threads: int, done: Action) -> Job:
        """Call ``done`` after ``seconds`` during which ``threads`` threads had a core each."""
        self._settle()
        job = Job(seconds, threads, done)
        self._jobs.append(job)
        self._expect_next()
        return job

    def interrupt(self, seconds: float) -> None:
        """Something that goes first takes ``seconds`` of one core: of one that is free, or else a
        part from every run.
        """
        if self._threads < self._count:
            return
        self._settle()
        for job in self._jobs:
            job.seconds_left += seconds / self._count
        self._expect_next()

    @property
    def _threads(self) -> int:
        return sum(job.threads for job in self._jobs)

    @property
    def _speed(self) -> float:
        """The seconds that each job runs in a second."""
        return min(1.0, self._count / self._threads)

    def _settle(self) -> None:
        passed = self._time() - self._settled
        if self._jobs:
            speed = self._speed
            for job in self._jobs:
                job.seconds_left -= passed * speed
        self._settled = self._time()

    def _expect_next(self) -> None:
        self._version += 1
        if not self._jobs:
            return
        version = self._version
        first = min(self._jobs, key=lambda job: job.seconds_left)
        end = self._settled + max(0.0, first.seconds_left) / self._speed
        self._time.at(end, lambda: self._end(first, version))

    def _end(self, job: Job, version: int) -> None:
        if version != self._version:
            return  # something changed since this was expected
        self._settle()
        self._jobs.remove(job)
        self._expect_next()
        job.done()


@dataclass(slots=True)
class Work:
    """What was run, as the scheduler reports it."""

    runs: int = 0
    real_tokens: float = 0
    padded_tokens: float = 0
    worker_seconds: float = 0.0

    def batch_ran(
        self, model: str, sequences: int, real_tokens: float, padded_tokens: float, seconds: float
    ) -> None:
        """Count a run."""
        self.runs += 1
        self.real_tokens += real_tokens
        self.padded_tokens += padded_tokens
        self.worker_seconds += seconds

    def cache_asked(self, model: str, hits: int, misses: int) -> None:
        """No cache is simulated."""

    def runs_shared(self, model: str, sequences: int) -> None:
        """No two simulated texts are the same."""


class _NoModel:
    """The executor that is never asked to run anything."""

    def __init__(self, profile: Profile) -> None:
        self.widens = profile.wide is not None
        self.packs = profile.packs
        self.layers = profile.layers

    def advance(
        self,
        rows: Sequence[Halfway | Row],
        layers: int,
        *,
        wide: bool = False,
        stop: StopSignal | None = None,
    ) -> list[Logits | Halfway]:
        raise NotImplementedError("a simulation runs no model")


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the simulated service; the defaults are its own."""

    limits: BatchLimits = LIMITS
    max_queue_seconds: float = 2.0
    timeout_seconds: float = 30.0


class Replica:
    """One process of the service, which answers requests in virtual time."""

    def __init__(self, time: VirtualTime, profile: Profile, settings: Settings) -> None:
        self._time = time
        self._profile = profile
        self._settings = settings
        self._cores = Cores(time, profile.workers)
        self._idle_workers = profile.workers
        self._loop_free_at = 0.0
        self._rows = itertools.count()
        self.work = Work()
        self.outstanding = 0
        """Requests that are not answered yet."""
        self._scheduler = Scheduler(
            workers=profile.workers,
            limits=settings.limits,
            max_queue_seconds=settings.max_queue_seconds,
            observer=self.work,
            clock=time,
        )
        executor = _NoModel(profile)
        self._scheduler.add_model(MODEL, executor, deepcopy(profile.narrow.model))

    def request(
        self,
        lengths: Sequence[int],
        on_answer: OnAnswer,
        priority: Priority = Priority.INTERACTIVE,
    ) -> None:
        """A request for rows of ``lengths`` tokens arrives now."""
        self.outstanding += 1
        deadline = self._time() + self._settings.timeout_seconds

        def answer(error: SchedulingError | None) -> None:
            self.outstanding -= 1
            on_answer(error)

        self._on_event_loop(lambda: self._admit(lengths, deadline, priority, answer))

    def _admit(
        self, lengths: Sequence[int], deadline: float, priority: Priority, answer: OnAnswer
    ) -> None:
        def on_done(submission: Submission) -> None:
            self._on_event_loop(lambda: answer(self._error_of(submission)))

        try:
            reservation = self._scheduler.reserve(MODEL, lengths, deadline, priority)
            self._scheduler.submit(reservation, [self._row(n) for n in lengths], on_done)
        except SchedulingError as error:
            answer(error)
        else:
            self._take_runs()

    def _error_of(self, submission: Submission) -> SchedulingError | None:
        if isinstance(submission.error, SchedulingError):
            return submission.error
        if self._time() > submission.deadline:
            return DeadlineExceededError("The deadline passed before the answer was there.")
        return None

    def _row(self, length: int) -> Row:
        ids = np.zeros(length, dtype=np.int64)
        ids[0] = next(self._rows)  # identical rows would share a run
        return Row(ids, ids)

    def _take_runs(self) -> None:
        while self._idle_workers and (run := self._scheduler.poll()) is not None:
            self._idle_workers -= 1
            self._begin(run)

    def _begin(self, run: Run) -> None:
        times = self._profile.wide if run.wide and self._profile.wide else self._profile.narrow
        rows, longest = len(run.tickets), run.padded_length
        computed = run.line.computed_tokens(rows, longest, run.real_tokens)
        seconds = times.seconds(rows, longest, computed) * self._share(run)
        if run.layers < self._profile.layers:
            seconds += self._profile.step_seconds
        threads = self._profile.workers if times is self._profile.wide else 1
        begun = self._time()

        def end() -> None:
            self._idle_workers += 1
            self._end(run, self._time() - begun)

        self._cores.run(seconds, threads, end)

    def _share(self, run: Run) -> float:
        """Of the time of all layers, that of the run, each row counted by its tokens."""
        shares = {ends: self._profile.share(run.layers, ends=ends) for ends in (False, True)}
        tokens = [ticket.sequence.length for ticket in run.tickets]
        weighted = [
            length * shares[ticket.layers_left == run.layers]
            for length, ticket in zip(tokens, run.tickets, strict=True)
        ]
        return sum(weighted) / sum(tokens)

    def _end(self, run: Run, seconds: float) -> None:
        self._scheduler.finish(run, [self._after(run, ticket) for ticket in run.tickets], seconds)
        self._take_runs()

    def _after(self, run: Run, ticket: Ticket) -> Logits | Halfway:
        """What a ticket's row is after the run."""
        left = ticket.layers_left - run.layers
        if not left:
            return NO_LOGITS
        return Halfway(ticket.sequence, self._profile.layers - left, NOTHING, 0)

    def _on_event_loop(self, action: Action) -> None:
        """Do ``action`` when the event loop has come to it, half a request's time later."""
        seconds = self._profile.http_seconds / 2
        self._loop_free_at = max(self._loop_free_at, self._time()) + seconds
        self._cores.interrupt(seconds)
        self._time.at(self._loop_free_at, action)
