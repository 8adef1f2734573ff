"""The threads that run batches."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import structlog

from service.runtime.own_core import OwnCores
from service.runtime.priority import BESIDE_BULK_NICENESS, OVERTAKEN_NICENESS, be_overtaken
from service.runtime.session import Logits, StoppedError
from service.scheduling.crew import Crew
from service.scheduling.quiet import QuietWatch
from service.scheduling.runs import Run
from service.scheduling.scheduler import Scheduler
from service.scheduling.turns import count_overtakers

log = structlog.get_logger(__name__)


class Workers:
    """The threads of each crew, ``count`` of those that are overtaken and some more for what goes
    first, each of which takes a batch from the scheduler, runs it, and hands the logits in; and one
    that calls ``on_quiet`` when the others have stopped for a while.

    The scheduler has ``count`` of them run at once, but for those that are overtaken.
    """

    def __init__(
        self, scheduler: Scheduler, count: int, on_quiet: Callable[[], None] = lambda: None
    ) -> None:
        self._scheduler = scheduler
        cores = os.sched_getaffinity(0)
        # Where there are more cores than workers, a thread that wakes finds an idle one.
        self._own_cores = OwnCores(cores) if len(cores) == count else None
        self._quiet = QuietWatch(scheduler.queue_is_idle, on_quiet)
        self._threads = [
            threading.Thread(target=work, name=f"{name}-{index}", daemon=True)
            for work, name, threads in (
                (self._work_alone, "worker", count),
                (self._work_beside_bulk, "beside-bulk", count),
                (self._overtake, "overtaker", count_overtakers(count)),
            )
            for index in range(threads)
        ]
        self._watching = threading.Thread(target=self._watch, name="quiet", daemon=True)

    def start(self) -> None:
        """Start the threads."""
        for thread in (*self._threads, self._watching):
            thread.start()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the threads to end, which they do once the scheduler is closed and its queue
        empty.
        """
        end = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._quiet.close()
        self._watching.join(max(0.0, end - time.monotonic()))

    def _work_alone(self) -> None:
        be_overtaken(OVERTAKEN_NICENESS)
        while (run := self._scheduler.take(Crew.ALONE)) is not None:
            self._finish(run)

    def _work_beside_bulk(self) -> None:
        be_overtaken(BESIDE_BULK_NICENESS)
        while (run := self._scheduler.take(Crew.BESIDE)) is not None:
            self._finish(run)

    def _overtake(self) -> None:
        while (run := self._scheduler.take(Crew.FIRST)) is not None:
            with self._core_of_its_own(run):
                self._finish(run)

    def _core_of_its_own(self, run: Run) -> AbstractContextManager[object]:
        """What takes every core has them from its session."""
        return nullcontext() if self._own_cores is None or run.wide else self._own_cores.one()

    def _finish(self, run: Run) -> None:
        self._scheduler.finish(run, *execute(run))
        self._quiet.ran()

    def _watch(self) -> None:
        be_overtaken()
        self._quiet.watch()


def execute(run: Run) -> tuple[list[Logits | Exception], float]:
    """Run the batch; when it fails, run its rows one by one, so that a bad row fails alone.

    Returns what each row gave, and the seconds of the batch's run (0 when it failed as a batch, or
    was stopped because nobody waits for it any more).
    """
    sequences = run.sequences
    start = time.perf_counter()
    try:
        logits = run.line.executor.run(sequences, wide=run.wide, stop=run.stop)
        return list(logits), time.perf_counter() - start
    except StoppedError as error:
        return [error] * len(sequences), 0.0
    except Exception as error:
        log.warning(
            "a batch failed; its rows are run one by one",
            model=run.line.name,
            rows=len(sequences),
            error=repr(error),
        )
    answers: list[Logits | Exception] = []
    for sequence in sequences:
        try:
            answers.extend(run.line.executor.run([sequence], stop=run.stop))
        except Exception as error:
            answers.append(error)
    return answers, 0.0
