"""How much work comes in, as a share of what the workers can do in the time."""

from math import exp

MEMORY_SECONDS = 10.0
"""Of the exponentially weighted mean: what came so long ago counts for 1/e of what comes now. Over
less, requests that come by themselves look like more than they are now and then; over more, a load
that has become too much is known late. Simulated (docs/simulation.md)."""

PAUSE_SECONDS = 3.0
"""In which nothing comes: then the mean is of what comes after it."""

LEAST_WEIGHT = 0.5
"""Of a mean over all time, that one over the time since a pause has at least, which it reaches
after seven seconds. Before that it is too small, and not by chance too large."""


class OfferedLoad:
    """The mean over the last seconds of the work that came, for so many ``workers``: 1 when as much
    comes as they can do, however much of it they have done yet.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._sum = 0.0
        """Of the shares, weighted by how long ago they came."""
        self._at = self._since = -MEMORY_SECONDS
        """Monotonic seconds of the last work that came, and of the first after a pause."""

    def add(self, seconds: float, now: float) -> None:
        """Count work that comes now and takes one worker so many ``seconds``."""
        if now - self._at > PAUSE_SECONDS:
            self._sum, self._since = 0.0, now
        self._sum *= exp((self._at - now) / MEMORY_SECONDS)
        self._sum += seconds / (self._workers * MEMORY_SECONDS)
        self._at = now

    def at(self, now: float) -> float:
        """How much it is at ``now``, which is no earlier than the last work that came."""
        weight = 1 - exp((self._since - now) / MEMORY_SECONDS)
        return self._sum * exp((self._at - now) / MEMORY_SECONDS) / max(weight, LEAST_WEIGHT)
