"""A scheduler on an injected clock, with an executor that only records what it is asked to run."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from service.runtime.sequence import Sequence
from service.scheduling.batch_plan import BatchLimits
from service.scheduling.cost import CostModel
from service.scheduling.scheduler import Scheduler


def sequence(length: int) -> Sequence:
    return Sequence(np.arange(length, dtype=np.int64), np.zeros(length, dtype=np.int64))


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Recorder:
    """Counts what the scheduler reports."""

    batches: list[tuple[str, int, int, int, float]] = field(default_factory=list)
    queue: tuple[int, float] = (0, 0.0)

    def batch_ran(self, *report) -> None:
        self.batches.append(report)

    def queue_changed(self, sequences: int, predicted_seconds: float) -> None:
        self.queue = (sequences, predicted_seconds)


@dataclass
class Bench:
    """A scheduler whose cost model says 1 ms a token, with two workers and 0.25 s of queue."""

    clock: Clock = field(default_factory=Clock)
    recorder: Recorder = field(default_factory=Recorder)
    done: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(
            workers=2,
            limits=BatchLimits(256),
            max_queue_seconds=0.25,
            observer=self.recorder,
            clock=self.clock,
        )
        for name in ("a", "b"):
            self.scheduler.add_model(name, None, CostModel((0.0, 1e-3, 0.0)))

    def submit(self, *lengths: int, model: str = "a", timeout: float = 30.0):
        reservation = self.scheduler.reserve(model, lengths, self.clock() + timeout)
        return self.scheduler.submit(
            reservation, [sequence(length) for length in lengths], self.done.append
        )

    def run_all(self, seconds: float = 0.01) -> list[list[int]]:
        """Close, then run until nothing is left; the lengths of each batch."""
        self.scheduler.close()
        batches = []
        while (run := self.scheduler.take()) is not None:
            batches.append([row.length for row in run.sequences])
            self.scheduler.finish(run, [(row.input_ids,) for row in run.sequences], seconds)
        return batches


@pytest.fixture
def bench() -> Bench:
    return Bench()
