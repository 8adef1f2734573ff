"""What the scheduler is handed to run a batch with."""

from collections.abc import Sequence as Rows
from typing import Protocol

from service.runtime.sequence import Sequence
from service.runtime.session import Logits, StopSignal


class Executor(Protocol):
    """Runs rows together. Called from several threads at once."""

    @property
    def widens(self) -> bool:
        """Whether it makes a difference to be told that a run may use every core."""

    @property
    def packs(self) -> bool:
        """Whether it computes nothing but attention at padded positions."""

    def run(
        self, rows: Rows[Sequence], *, wide: bool = False, stop: StopSignal | None = None
    ) -> list[Logits]:
        """The logits of each row, in order. ``wide``: on every core.

        StoppedError if it ended early by ``stop``.
        """
