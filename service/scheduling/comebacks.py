"""Work that was refused and is expected back: what a truthful Retry-After has to count.

Who is told to come back in a second finds a crowd there that was told the same. So who is refused
is told a time by which those who were told an earlier one can have been run as well, as far as
callers do come back, which is learned: a refusal whose time has passed either brought its caller
back or did not. Until then nobody knows, and callers are taken at their best, so that a crowd that
comes all at once is spread over the time that its work takes.
"""

import itertools
from collections.abc import Iterator

FADING_SECONDS = 1.5
"""After this long what was learned counts half: one crowd says little about the next."""

PRIOR_REFUSALS = 1.0
"""Of which nothing was learned, and whose callers are taken to come back."""

LATE_SECONDS = 0.25
"""After the time that it was told a caller is still waited for: it is on its way."""

SLOT_SECONDS = 0.25
"""Refusals that were told the same time, to this precision, are kept as one number."""

MOST_SECONDS = 60.0
"""Of all workers: nobody is told to wait longer than this for others who may come back."""


class Comebacks:
    """Of one priority, in predicted seconds of work. Owned by the scheduler.

    Times are monotonic seconds.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._out: dict[int, tuple[int, float]] = {}
        """Callers who may still come back, and seconds of their work, by the slot in which they are
        given up."""
        self._slot = 0
        self._settled = 0.0
        """Refusals of which it is known whether the caller came back, and how many did."""
        self._returned = 0.0
        self._updated = 0.0

    @property
    def share(self) -> float:
        """Of those who are refused, how many come back, 0 to 1."""
        known = PRIOR_REFUSALS + self._settled
        return min(1.0, (PRIOR_REFUSALS + self._returned) / known)

    def by_second(self, now: float) -> Iterator[float]:
        """Seconds of work that will come back within a second from now, within two, and so on
        without end.
        """
        self._pass_time(now)
        share, most = self.share, MOST_SECONDS * self._workers
        work, slot = 0.0, self._slot
        for seconds in itertools.count(1):
            last = _slot_of(now + seconds)
            while slot < last:
                slot += 1
                if slot in self._out:
                    work += self._out[slot][1]
            yield min(share * work, most)

    def refused(self, seconds: float, now: float, until: float) -> None:
        """Work of so many seconds was sent away, and told to come back at ``until``."""
        self._pass_time(now)
        slot = _slot_of(until)
        callers, work = self._out.get(slot, (0, 0.0))
        self._out[slot] = callers + 1, work + seconds

    def returned(self, now: float) -> None:
        """A caller came back as it was told; it is taken to be of those who are due first."""
        self._pass_time(now)
        self._returned += 1
        if not self._out:
            return
        slot = min(self._out)
        callers, work = self._out.pop(slot)
        self._settled += 1
        if callers > 1:
            self._out[slot] = callers - 1, work - work / callers

    def _pass_time(self, now: float) -> None:
        slot = int(now / SLOT_SECONDS)
        if slot > self._slot:
            self._slot = slot
            for given_up in sorted(each for each in self._out if each <= slot):
                self._fade(given_up * SLOT_SECONDS)
                callers, _ = self._out.pop(given_up)
                self._settled += callers
        self._fade(now)

    def _fade(self, now: float) -> None:
        if now <= self._updated:
            return
        faded = 0.5 ** ((now - self._updated) / FADING_SECONDS)
        self._updated = now
        self._settled *= faded
        self._returned *= faded


def _slot_of(until: float) -> int:
    """In which those who were told to come back at ``until`` are given up, if they did not."""
    return 1 + int((until + LATE_SECONDS) / SLOT_SECONDS)
