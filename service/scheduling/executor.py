"""What the scheduler is handed to run a batch with."""

from collections.abc import Sequence as Rows
from typing import Protocol

from service.runtime.sequence import Sequence
from service.runtime.session import Logits


class Executor(Protocol):
    """Runs rows together. Called from several threads at once."""

    def run(self, rows: Rows[Sequence]) -> list[Logits]:
        """The logits of each row, in order."""
