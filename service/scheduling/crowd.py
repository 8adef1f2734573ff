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
(docs/decisions/scheduling.md)."""

STEADY_ROWS = 2
"""Waiting and running for each worker, which are a crowd too if they stay as many: they are those
of a few callers who send the next as soon as they are answered, and how soon all are is a matter of
what a run brings. Requests that come by themselves go up and down."""

STEADY_SECONDS = 1.0
"""For which they have to stay as many. Simulated, with closed loops of few callers and Poisson
arrivals (docs/decisions/scheduling.md)."""

STEADY_TIMES = 3.0
"""For so many times as long as it takes to run what waits and runs they have to stay as many, if
that is longer: a few long texts that came by themselves are as many for a second if each runs for
as long. Callers who never stop are as many however often they are answered
(docs/decisions/scheduling.md)."""

STEADY_SWING = 1
"""For each worker: by how much there may be fewer than there were at most meanwhile."""

PASSING_SECONDS = 0.05
"""For which there may be fewer than that: when a batch is answered, its callers take a moment to
come back with the next."""


class RowCounts(NamedTuple):
    """How many wait and run, and how many of those are short."""

    all: int
    short: int


class Crowd:
    """Remembers whether there is one, of one priority. Owned by the scheduler."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._came_at_once = False
        self._most = 0
        """Rows while they were about as many as now."""
        self._since = 0.0
        """Monotonic seconds from which on they were."""
        self._fewer_since: float | None = None
        """Monotonic seconds from which on there have been fewer than that."""
        self._stays = False

    def is_here(self, rows: RowCounts, seconds: float, now: float) -> bool:
        """Whether there is one now that there are so many ``rows``, which all workers together are
        predicted to have run in so many ``seconds``, and whatever else runs. To be asked whenever
        it matters: what it was not asked about it did not see.
        """
        each = self._workers
        if rows.all >= CROWD_ROWS * each or rows.short >= CROWD_SHORT_ROWS * each:
            self._came_at_once = True
        elif rows.all <= DISPERSED_ROWS * each:
            self._came_at_once = False
        self._watch(rows.all, max(STEADY_SECONDS, STEADY_TIMES * seconds), now)
        return self._came_at_once or self._stays

    def _watch(self, rows: int, seconds: float, now: float) -> None:
        """Find out whether they have stayed as many for so many ``seconds``, but for moments."""
        each = self._workers
        if self._fewer_since is not None and now - self._fewer_since > PASSING_SECONDS:
            self._most, self._since, self._fewer_since = rows, now, None
            self._stays = False
        if rows > self._most:
            self._most, self._since = rows, now
        if rows >= self._most - STEADY_SWING * each:
            self._fewer_since = None
        elif self._fewer_since is None:
            self._fewer_since = now
        if self._most >= STEADY_ROWS * each and now - self._since >= seconds:
            self._stays = True
