"""Work that was refused and is expected back: what a truthful Retry-After has to count.

Who is told to come back in a second finds a crowd there that was told the same. So each refusal
is put behind those before it, as far as callers do come back, which is learned: the share of
refusals whose caller returned.
"""

FADING_SECONDS = 30.0
"""After this long a refusal, and a return, counts half."""

MOST_SECONDS = 60.0
"""Of all workers: nobody is told to wait longer than this for others who may come back."""


class Comebacks:
    """Of one priority, in predicted seconds of work. Owned by the scheduler.

    Times are monotonic seconds.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._seconds = 0.0
        self._refused = 0.0
        self._returned = 0.0
        self._updated = 0.0

    def expected(self, now: float) -> float:
        """Seconds of work that will come back, less what could be run since."""
        self._pass_time(now)
        return self._seconds

    def refused(self, seconds: float, now: float) -> None:
        """Work of so many seconds was sent away."""
        self._pass_time(now)
        self._refused += 1
        share = min(1.0, self._returned / self._refused)
        self._seconds = min(self._seconds + share * seconds, MOST_SECONDS * self._workers)

    def returned(self, now: float) -> None:
        """A caller came back as it was told."""
        self._pass_time(now)
        self._returned += 1

    def _pass_time(self, now: float) -> None:
        passed = max(0.0, now - self._updated)
        self._updated = now
        self._seconds = max(0.0, self._seconds - passed * self._workers)
        faded = 0.5 ** (passed / FADING_SECONDS)
        self._refused *= faded
        self._returned *= faded
