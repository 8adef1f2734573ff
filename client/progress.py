"""Says how far a file is: a bar on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_SECONDS = 10.0


class FileProgress:
    """In a ``with`` block. ``total_bytes`` is the size of the file, None when nobody knows it."""

    def __init__(
        self,
        console: Console,
        total_bytes: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._total_bytes = total_bytes
        self._clock = clock
        self._begun = self._told = clock()
        self._first: int | None = None
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
            TextColumn("{task.fields[records]:,} answered, {task.fields[rate]:.0f}/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        self._task = self._progress.add_task("", total=self._total_bytes, records=0, rate=0.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def answered(self, records: int, file_bytes: int) -> None:
        """So many records of the file have answers, and so many bytes of it held them."""
        now = self._clock()
        if self._first is None:
            self._first = records - 1
        rate = (records - self._first) / max(now - self._begun, 1e-9)
        if self._console.is_terminal:
            assert self._task is not None
            self._progress.update(self._task, completed=file_bytes, records=records, rate=rate)
        elif now - self._told >= LINE_SECONDS:
            self._told = now
            share = (
                f", {file_bytes / self._total_bytes:.0%} of the file" if self._total_bytes else ""
            )
            self._console.print(f"{records:,} answered, {rate:.0f}/s{share}", highlight=False)
