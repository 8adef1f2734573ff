"""The threads that run batches."""

import threading
import time

import structlog

from service.runtime.priority import give_way
from service.runtime.session import Logits, StoppedError
from service.scheduling.runs import Run
from service.scheduling.scheduler import Scheduler

log = structlog.get_logger(__name__)


class Workers:
    """``count`` threads, each of which takes a batch from the scheduler, runs it, and hands the
    logits in.
    """

    def __init__(self, scheduler: Scheduler, count: int) -> None:
        self._scheduler = scheduler
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{index}", daemon=True)
            for index in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout_seconds: float) -> None:
        """Wait for the threads to end, which they do once the scheduler is closed and its queue
        empty.
        """
        end = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        give_way()
        while (run := self._scheduler.take()) is not None:
            answers, seconds = execute(run)
            self._scheduler.finish(run, answers, seconds)


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
            answers.extend(run.line.executor.run([sequence]))
        except Exception as error:
            answers.append(error)
    return answers, 0.0
