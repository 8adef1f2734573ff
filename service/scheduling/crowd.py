"""Whether so much is to be done that what a run brings counts, and not who waits for it."""

from typing import NamedTuple

CROWD_ROWS = 12
"""Waiting and running for each worker, from which on there is a crowd. Those that run count,
because whoever sent them is soon back with the next."""

CROWD_SHORT_ROWS = 5
"""The same of short ones alone. They fill batches, and run one by one they take half as long again
for a token."""

DISPERSED_ROWS = 3
"""Waiting and running for each worker, at which a crowd is over. If it were over as soon as there
are less than make one, the rest would stay: small batches run no faster than such crowds come
(docs/simulation.md)."""


class RowCounts(NamedTuple):
    """How many wait and run, and how many of those are short."""

    all: int
    short: int


class Crowd:
    """Remembers whether there is one, of one priority. Owned by the scheduler."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._is_here = False

    def is_here(self, rows: RowCounts) -> bool:
        """Whether there is one now that there are so many ``rows``. To be asked whenever it
        matters: what it was not asked about it did not see.
        """
        each = self._workers
        if rows.all >= CROWD_ROWS * each or rows.short >= CROWD_SHORT_ROWS * each:
            self._is_here = True
        elif rows.all <= DISPERSED_ROWS * each:
            self._is_here = False
        return self._is_here
