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

LASTING_ROWS = 3
"""Waiting and running for each worker, which are a crowd once there have been as many for a while:
a few callers who never stop, or a load that small batches cannot keep up with."""

LASTING_SECONDS = 6.0
"""That while. At 70 % load so many are hardly ever there for as long; after five seconds short
texts took longer (docs/simulation.md)."""

PASSING_SECONDS = 0.05
"""For which there may be fewer: when a batch is answered, its callers take a moment to come back
with the next."""


class RowCounts(NamedTuple):
    """How many wait and run, and how many of those are short."""

    all: int
    short: int


class Crowd:
    """Remembers whether there is one, of one priority. Owned by the scheduler."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._came_at_once = False
        self._many_since = 0.0
        self._few_since: float | None = float("-inf")
        """Monotonic seconds, as above; None while there are as many as may last."""

    def is_here(self, rows: RowCounts, now: float) -> bool:
        """Whether there is one now that there are so many ``rows``. To be asked whenever it
        matters: what it was not asked about it did not see.
        """
        each = self._workers
        if rows.all >= CROWD_ROWS * each or rows.short >= CROWD_SHORT_ROWS * each:
            self._came_at_once = True
        elif rows.all <= DISPERSED_ROWS * each:
            self._came_at_once = False
        return self._lasts(rows.all >= LASTING_ROWS * each, now) or self._came_at_once

    def _lasts(self, are_many: bool, now: float) -> bool:
        """Whether there have been many for a while, but for moments."""
        have_been_few = self._few_since is not None and now - self._few_since > PASSING_SECONDS
        if are_many:
            if have_been_few:
                self._many_since = now
            self._few_since = None
            return now - self._many_since >= LASTING_SECONDS
        if self._few_since is None:
            self._few_since = now
        return not have_been_few and now - self._many_since >= LASTING_SECONDS
