"""Says what is being measured: a spinner on a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console


class Progress:
    """To be used in a ``with`` block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, what: str) -> None:
        """``what`` is being measured from now on."""
        if self._status is None:
            self._console.print(what, highlight=False)
        else:
            self._status.update(what)
