"""Interactive before bulk, and what bulk is owed all the same."""

import math
from enum import StrEnum

BULK_SHARE = 0.24
"""Of the workers' time, what bulk gets while both wait: a fifth of the tokens even where bulk's are
the dearer ones, in small batches.
"""

MOST_OWED_SECONDS = 2.0
"""Of workers' time that bulk got less than its share, or more, and that counts later. Where it
found gaps enough between interactive work, a crowd of that need not make room for bulk: to use up
what bulk had too much takes it 8.3 s of workers' time. In simulations of 60 % interactive load
beside unlimited bulk, this brings the p99 of the former from 2.6 to 1.3 times what it is alone.
"""

KEPT_SHARE = 0.35
"""Of the workers' recent time: bulk runs begun while bulk had less are not ended for others. Were
all of them, bulk would finish little and waste what it was given."""

HALF_LIFE_SECONDS = 5.0
"""After this long a run counts half in what is recent."""

QUIET_SECONDS = 10.0
"""After this long without interactive work bulk may have every worker."""


class Priority(StrEnum):
    """Who waits for the answer: a person, or a program with a large file."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Shares:
    """What went to each priority, in predicted seconds of workers. Owned by the scheduler.

    In what is recent, old runs fade exponentially. What bulk is owed is counted exactly, and only
    while it waits or runs: nobody saves up a claim by being absent. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(Priority, 0.0)
        self._updated = 0.0
        self._interactive_at = float("-inf")
        self._owed = 0.0

    def took(self, priority: Priority, seconds: float, now: float, *, bulk_is_here: bool) -> None:
        """Count a run that begins now, while there is bulk work that waits or runs, or not."""
        faded = 0.5 ** (max(0.0, now - self._updated) / HALF_LIFE_SECONDS)
        self._updated = now
        for each in self._seconds:
            self._seconds[each] *= faded
        self._seconds[priority] += seconds
        if priority is Priority.BULK:
            self._owe(-seconds * (1 - BULK_SHARE))
        else:
            self._interactive_at = now
            self._owe(seconds * BULK_SHARE if bulk_is_here else 0.0)
        if not bulk_is_here:
            self._owed = min(self._owed, 0.0)

    def gave_back(self, priority: Priority, seconds: float) -> None:
        """Take away a run that ended without a result."""
        self._seconds[priority] = max(0.0, self._seconds[priority] - seconds)
        if priority is Priority.BULK:
            self._owe(seconds * (1 - BULK_SHARE))

    def _owe(self, seconds: float) -> None:
        self._owed = min(max(-MOST_OWED_SECONDS, self._owed + seconds), MOST_OWED_SECONDS)

    def busy(self, workers: int, now: float) -> float:
        """The share of the workers' recent time that was spent running, about 0 to 1."""
        faded: float = 0.5 ** (max(0.0, now - self._updated) / HALF_LIFE_SECONDS)
        whole = workers * HALF_LIFE_SECONDS / math.log(2)
        return sum(self._seconds.values()) * faded / whole

    @property
    def bulk_is_owed(self) -> bool:
        """Whether bulk had less than its share since it is here."""
        return self._owed > 0

    @property
    def bulk_is_kept(self) -> bool:
        """Whether what bulk begins now may run to its end."""
        recent = sum(self._seconds.values())
        return self.bulk_is_owed or self._seconds[Priority.BULK] < KEPT_SHARE * recent

    def interactive_is_recent(self, now: float) -> bool:
        """Whether interactive work may be back at any moment."""
        return now - self._interactive_at < QUIET_SECONDS
