"""A scheduler on an injected clock, with an executor that only records what it is asked to run."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest

from service.runtime.sequence import Sequence
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.scheduler import Scheduler

_NEXT = itertools.count()


def sequence(length: int, first: int | None = None) -> Sequence:
    """A row like no other, or one that begins with ``first``."""
    ids = np.arange(length, dtype=np.int64)
    ids[0] = next(_NEXT) if first is None else first
    return Sequence(ids, np.zeros(length, dtype=np.int64))


class Idle:
    """An executor that is never asked to run anything."""

    def __init__(self, widens: bool = False, packs: bool = False) -> None:
        self.widens = widens
        self.packs = packs


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Recorder:
    """Counts what the scheduler reports."""

    batches: list[tuple[str, int, int, int, float]] = field(default_factory=list)
    cache: list[tuple[str, int, int]] = field(default_factory=list)
    shared: list[tuple[str, int]] = field(default_factory=list)

    def cache_asked(self, *report) -> None:
        self.cache.append(report)

    def runs_shared(self, *report) -> None:
        self.shared.append(report)

    def batch_ran(self, *report) -> None:
        self.batches.append(report)


@dataclass
class Bench:
    """A scheduler whose cost model says 1 ms a token, with two workers and 0.25 s of queue."""

    clock: Clock = field(default_factory=Clock)
    recorder: Recorder = field(default_factory=Recorder)
    done: list = field(default_factory=list)
    cache_entries: int = 0

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(
            workers=2,
            limits=BatchLimits(256),
            max_queue_seconds=0.25,
            observer=self.recorder,
            cache_entries=self.cache_entries,
            clock=self.clock,
        )
        for name in ("a", "b"):
            self.scheduler.add_model(name, Idle(), CostModel(Coefficients(0.0, 1e-3, 0.0)))

    def submit(self, *lengths: int, model: str = "a", timeout: float = 30.0, **more):
        return self.submit_rows([sequence(length) for length in lengths], model, timeout, **more)

    def submit_rows(self, rows, model: str = "a", timeout: float = 30.0, **more):
        lengths = [row.length for row in rows]
        reservation = self.scheduler.reserve(model, lengths, self.clock() + timeout, **more)
        return self.scheduler.submit(reservation, rows, self.done.append)

    def run_all(self, seconds: float = 0.01) -> list[list[int]]:
        """Close, then run until nothing is left; the lengths of each batch."""
        self.scheduler.close()
        batches = []
        while (run := self.scheduler.poll()) is not None:
            batches.append([row.length for row in run.sequences])
            self.scheduler.finish(run, [(row.input_ids,) for row in run.sequences], seconds)
        assert self.scheduler.take() is None
        return batches


@pytest.fixture
def bench() -> Bench:
    return Bench()
