"""Shows progress to a person at a terminal, or to a log, as long as there is one."""

from types import TracebackType
from typing import Self

from rich.console import Console

from export.printing import even_to_nobody


class Announcer:
    """Shows stages on standard error: one live line on a terminal, a plain line each elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status is not None:
            with even_to_nobody(self._console.file):
                self._status.start()
                return self
            self._status = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status is not None:
            with even_to_nobody(self._console.file):
                self._status.stop()

    def __call__(self, stage: str, done: int = 0, of: int = 0) -> None:
        """Show the stage; where lines are plain, once."""
        with even_to_nobody(self._console.file):
            if self._status is not None:
                self._status.update(f"{stage}: {done} of {of}" if of else stage)
            elif stage != self._stage:
                self._console.print(stage, markup=False, highlight=False, soft_wrap=True)
        self._stage = stage
