"""Interactive before bulk, and what bulk is owed all the same."""

import math
from enum import StrEnum

BULK_SHARE = 0.25
"""Of the workers' recent time, what bulk gets while interactive work waits as well: a fifth of the
tokens even where bulk's are the dearer ones, in small batches.
"""

HALF_LIFE_SECONDS = 5.0
"""After this long a run counts half in what is recent."""

QUIET_SECONDS = 10.0
"""After this long without interactive work bulk may have every worker."""


class Priority(StrEnum):
    """Who waits for the answer: a person, or a program with a large file."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Shares:
    """What recently went to each priority, in predicted seconds of workers. Owned by the scheduler.

    Old runs fade exponentially. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(Priority, 0.0)
        self._updated = 0.0
        self._interactive_at = float("-inf")

    def took(self, priority: Priority, seconds: float, now: float) -> None:
        """Count a run that begins now."""
        faded = 0.5 ** (max(0.0, now - self._updated) / HALF_LIFE_SECONDS)
        self._updated = now
        for each in self._seconds:
            self._seconds[each] *= faded
        self._seconds[priority] += seconds
        if priority is Priority.INTERACTIVE:
            self._interactive_at = now

    def gave_back(self, priority: Priority, seconds: float) -> None:
        """Take away a run that ended without a result."""
        self._seconds[priority] = max(0.0, self._seconds[priority] - seconds)

    def busy(self, workers: int, now: float) -> float:
        """The share of the workers' recent time that was spent running, about 0 to 1."""
        faded: float = 0.5 ** (max(0.0, now - self._updated) / HALF_LIFE_SECONDS)
        whole = workers * HALF_LIFE_SECONDS / math.log(2)
        return sum(self._seconds.values()) * faded / whole

    @property
    def bulk_is_owed(self) -> bool:
        """Whether bulk had less than its share of what was run recently."""
        return self._seconds[Priority.BULK] < BULK_SHARE * sum(self._seconds.values())

    def interactive_is_recent(self, now: float) -> bool:
        """Whether interactive work may be back at any moment."""
        return now - self._interactive_at < QUIET_SECONDS
