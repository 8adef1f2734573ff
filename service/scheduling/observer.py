"""What the scheduler reports while it works."""

from typing import Protocol


class Observer(Protocol):
    """Receives a call for each batch that ran, each look at the cache, and each request with rows
    that share a run, from any thread.
    """

    def batch_ran(
        self, model: str, sequences: int, real_tokens: int, padded_tokens: int, seconds: float
    ) -> None:
        """A batch of ``sequences`` rows ran for ``seconds``."""

    def cache_asked(self, model: str, hits: int, misses: int) -> None:
        """Of the rows of a request, ``hits`` were in the cache and ``misses`` were not."""

    def runs_shared(self, model: str, sequences: int) -> None:
        """``sequences`` rows will be answered by the run of an identical one."""
