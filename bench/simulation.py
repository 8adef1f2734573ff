"""The service without a model: its own scheduler on a virtual clock, with predicted run times.

Admission, queue, planner and learning cost model are the service's. What is simulated stands around
them: the event loop that every request passes twice, the workers, and the cores that both share.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from bench.simulation_profile import Profile
from service.runtime.sequence import Sequence as Row
from service.runtime.session import Logits, StopSignal
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.crew import Crew
from service.scheduling.errors import DeadlineExceededError, SchedulingError
from service.scheduling.priority import Priority
from service.scheduling.runs import Run
from service.scheduling.scheduler import Scheduler
from service.scheduling.ticket import Submission
from service.scheduling.turns import GATHERING_CORES, count_overtakers

MODEL = "simulated"
LIMITS = BatchLimits(256)
NO_LOGITS: Logits = ()

WEIGHTS = {Crew.FIRST: 1024, Crew.BESIDE: 110, Crew.ALONE: 36}
"""By which the kernel shares a core among threads: of a niceness of 0, 10 and 15, as those crews of
the service have (service/runtime/priority.py, sched(7))."""

WIDE_ON_SHARED = 0.4
"""Of its part of the cores, what a wide run makes use of where it has them not to itself: its
threads wait for one another, and the operating system moves the one that is held up only after a
while. 0.7 where something goes first without end (128 tokens take 2.5 times as long as alone on two
cores); where that is short, as in the service, such runs take as long as with 0.4 (one-off scripts,
docs/simulation.md)."""

BESIDE_WIDE = 0.54
"""Of a core, what a run that goes first and has one makes use of beside a wide run on two cores:
the thread of that one which is not its worker is as nice as the process there. 24 tokens took 98.6
instead of 52.4 ms, 64 tokens 218 instead of 118 (an AMD EPYC of family 25, model 17, a one-off
script)."""

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
    weight: int

    def speed(self, share: float, *, goes_first: bool, beside_wide: bool) -> float:
        """The seconds that it runs in a second in which each thread has this share of a core.
        Where it goes first and has several, the others wait while one of them is given to another.
        ``beside_wide``: it overtakes a run on both cores.
        """
        if self.threads == 1:
            return share * BESIDE_WIDE if beside_wide else share
        if share == 1:
            return share
        return max(share / 2, 2 * share - 1) if goes_first else share * WIDE_ON_SHARED


class Cores:
    """Runs on ``count`` cores. Where threads are more than these, what weighs most has a core for
    itself, but for the part of those that weigh less, as far as there are so many; those that weigh
    the same share what is left evenly.
    """

    def __init__(self, time: VirtualTime, count: int) -> None:
        self._time = time
        self._count = count
        self._jobs: list[Job] = []
        self._settled = 0.0
        self._version = 0

    def run(
        self, seconds: float, threads: int, done: Action, *, weight: int = WEIGHTS[Crew.ALONE]
    ) -> Job:
        """Call ``done`` after ``seconds`` during which ``threads`` threads had a core each."""
        self._settle()
        job = Job(seconds, threads, done, weight)
        self._jobs.append(job)
        self._expect_next()
        return job

    def interrupt(self, seconds: float) -> None:
        """Something that goes first takes ``seconds`` of one core: of one that is free, or else a
        part from every run, and all of it from one that has several cores.
        """
        if sum(job.threads for job in self._jobs) < self._count:
            return
        self._settle()
        for job in self._jobs:
            job.seconds_left += seconds if job.threads > 1 else seconds / self._count
        self._expect_next()

    def _speeds(self) -> dict[Job, float]:
        """Of each job, the seconds that it runs in a second."""
        threads = Counter[int]()
        for job in self._jobs:
            threads[job.weight] += job.threads
        weights = sorted(threads, reverse=True)
        left, shares = float(self._count), dict[int, float]()
        for weight in weights:
            below = [each for each in weights if each < weight]
            share = min(1.0, left / threads[weight])
            if threads[weight] + sum(threads[each] for each in below) > left:
                # Of each core on which it runs, or of all of them.
                ours, *theirs = (
                    each * max(1.0, threads[each] / self._count) for each in (weight, *below)
                )
                share *= ours / (ours + sum(theirs))
            shares[weight] = share
            left -= share * threads[weight]
        as_nice = self._count <= GATHERING_CORES
        wide = [job.weight for job in self._jobs if job.threads > 1 and as_nice]
        return {
            job: job.speed(
                shares[job.weight],
                goes_first=job.weight > weights[-1],
                beside_wide=any(weight < job.weight for weight in wide),
            )
            for job in self._jobs
        }

    def _settle(self) -> None:
        passed = self._time() - self._settled
        if self._jobs:
            for job, speed in self._speeds().items():
                job.seconds_left -= passed * speed
        self._settled = self._time()

    def _expect_next(self) -> None:
        self._version += 1
        if not self._jobs:
            return
        version = self._version
        left = {job: max(0.0, job.seconds_left) / speed for job, speed in self._speeds().items()}
        first = min(left, key=left.__getitem__)
        self._time.at(self._settled + left[first], lambda: self._end(first, version))

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
    real_tokens: int = 0
    padded_tokens: int = 0
    worker_seconds: float = 0.0

    def batch_ran(
        self, model: str, sequences: int, real_tokens: int, padded_tokens: int, seconds: float
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

    def __init__(self, widens: bool, packs: bool) -> None:
        self.widens = widens
        self.packs = packs

    def run(
        self, rows: Sequence[Row], *, wide: bool = False, stop: StopSignal | None = None
    ) -> list[Logits]:
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
        self._idle = dict.fromkeys((Crew.ALONE, Crew.BESIDE), profile.workers)
        self._idle[Crew.FIRST] = count_overtakers(profile.workers)
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
        executor = _NoModel(widens=profile.wide is not None, packs=profile.packs)
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
        while True:
            for crew in Crew:
                if self._idle[crew] and (run := self._scheduler.poll(crew)) is not None:
                    self._begin(run, crew)
                    break
            else:
                return

    def _begin(self, run: Run, crew: Crew) -> None:
        self._idle[crew] -= 1
        times = self._profile.wide if run.wide and self._profile.wide else self._profile.narrow
        rows, longest = len(run.tickets), run.padded_length
        computed = run.line.computed_tokens(rows, longest, run.real_tokens)
        seconds = times.seconds(rows, longest, computed)
        threads = self._profile.workers if times is self._profile.wide else 1
        begun = self._time()

        def end() -> None:
            self._idle[crew] += 1
            self._end(run, self._time() - begun)

        self._cores.run(seconds, threads, end, weight=WEIGHTS[crew])

    def _end(self, run: Run, seconds: float) -> None:
        self._scheduler.finish(run, [NO_LOGITS] * len(run.tickets), seconds)
        self._take_runs()

    def _on_event_loop(self, action: Action) -> None:
        """Do ``action`` when the event loop has come to it, half a request's time later."""
        seconds = self._profile.http_seconds / 2
        self._loop_free_at = max(self._loop_free_at, self._time()) + seconds
        self._cores.interrupt(seconds)
        self._time.at(self._loop_free_at, action)
