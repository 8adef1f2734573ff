"""The threads that run batches."""

import threading
import time
from collections.abc import Callable

import structlog

from service.runtime.halfway import Halfway
from service.runtime.priority import give_way
from service.runtime.session import Logits, StoppedError
from service.scheduling.quiet import QuietWatch
from service.scheduling.runs import Run
from service.scheduling.scheduler import Scheduler

log = structlog.get_logger(__name__)


class Workers:
    """``count`` threads, each of which takes a run from the scheduler, runs it, and hands in what
    it gave; and one that calls ``on_quiet`` when the others have stopped for a while.
    """

    def __init__(
        self, scheduler: Scheduler, count: int, on_quiet: Callable[[], None] = lambda: None
    ) -> None:
        self._scheduler = scheduler
        self._quiet = QuietWatch(scheduler.queue_is_idle, on_quiet)
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{index}", daemon=True)
            for index in range(count)
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

    def _work(self) -> None:
        give_way()
        while (run := self._scheduler.take()) is not None:
            self._scheduler.finish(run, *execute(run))
            self._quiet.ran()

    def _watch(self) -> None:
        give_way()
        self._quiet.watch()


def execute(run: Run) -> tuple[list[Logits | Halfway | Exception], float]:
    """Run the batch; when it fails, run its rows one by one, so that a bad row fails alone.

    Returns what each row gave, and the seconds of the batch's run (0 when it failed as a batch, or
    was stopped because nobody waits for it any more).
    """
    rows, advance = run.rows, run.line.executor.advance
    start = time.perf_counter()
    try:
        results = advance(rows, run.layers, wide=run.wide, stop=run.stop)
        return list(results), time.perf_counter() - start
    except StoppedError as error:
        return [error] * len(rows), 0.0
    except Exception as error:
        log.warning(
            "a batch failed; its rows are run one by one",
            model=run.line.name,
            rows=len(rows),
            error=repr(error),
        )
    each: list[Logits | Halfway | Exception] = []
    for row in rows:
        try:
            each.extend(advance([row], run.layers))
        except Exception as error:
            each.append(error)
    return each, 0.0
