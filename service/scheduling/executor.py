"""What the scheduler is handed to run a batch with."""

from collections.abc import Sequence as Rows
from typing import Protocol

from service.runtime.halfway import Halfway, Row
from service.runtime.session import Logits, StopSignal


class Executor(Protocol):
    """Runs rows together. Called from several threads at once."""

    @property
    def widens(self) -> bool:
        """Whether it makes a difference to be told that a run may use every core."""

    @property
    def packs(self) -> bool:
        """Whether it computes nothing but attention at padded positions."""

    @property
    def layers(self) -> int:
        """Into how many parts the way of a row can be divided, so that it rests between them, and
        goes on beside rows that are at other ones. 1 if it can only be run whole.
        """

    def advance(
        self, rows: Rows[Row], layers: int, *, wide: bool = False, stop: StopSignal | None = None
    ) -> list[Logits | Halfway]:
        """Run so many ``layers`` more of each row, which has at least as many before it; in order,
        the logits of those that have no more then, and the others as far as they have come.
        ``wide``: on every core, because nothing else runs.

        StoppedError if it ended early by ``stop``.
        """
