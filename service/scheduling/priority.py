"""Interactive before bulk, and what bulk is owed all the same."""

from enum import StrEnum

BULK_SHARE = 0.22
"""Of the tokens that are run, each at what it takes in full batches, what bulk gets while both
wait: a fifth, and what its counting in whole runs may lack.
"""

MOST_OWED_RUNS = 12
"""Typical ones, that bulk got less than its share, or more, and that count later. Where it found
gaps enough between interactive work, a crowd of that need not make room for bulk: to use up what
bulk had too much takes it four times as many. Counted in runs and not in seconds: a crowd of a
model that is ten times as fast is over in a tenth of the time.
"""

TYPICAL_WEIGHT = 0.02
"""Of each run in what is typical."""


class Priority(StrEnum):
    """Who waits for the answer: a person, or a program with a large file."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class BulkShare:
    """What bulk is owed, in the seconds that its tokens take in full batches. Owned by the
    scheduler.

    Not in those that runs took: interactive work is run in small batches, which are dear, to be
    answered soon. Counted by its time it gave way just when there was much of it, although bulk
    found tokens enough in the gaps (docs/decisions/scheduling.md).

    It is counted exactly, and only while bulk waits or runs: nobody saves up a claim by being
    absent.
    """

    def __init__(self) -> None:
        self._owed = 0.0
        self._typical_seconds = 0.0

    @property
    def is_owed(self) -> bool:
        """Whether bulk had less than its share since it is here."""
        return self._owed > 0

    def took(self, priority: Priority, seconds: float, *, bulk_is_here: bool) -> None:
        """Count a run that begins now, whose tokens take ``seconds`` in full batches, while there
        is bulk work that waits or runs, or not.
        """
        weight = TYPICAL_WEIGHT if self._typical_seconds else 1.0
        self._typical_seconds += weight * (seconds - self._typical_seconds)
        if priority is Priority.BULK:
            self._owe(-seconds * (1 - BULK_SHARE))
        elif bulk_is_here:
            self._owe(seconds * BULK_SHARE)
        if not bulk_is_here:
            self._owed = min(self._owed, 0.0)

    def gave_back(self, priority: Priority, seconds: float) -> None:
        """Take away a run that ended without a result."""
        if priority is Priority.BULK:
            self._owe(seconds * (1 - BULK_SHARE))

    def _owe(self, seconds: float) -> None:
        most = MOST_OWED_RUNS * self._typical_seconds
        self._owed = min(max(-most, self._owed + seconds), most)
