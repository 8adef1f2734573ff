"""Token buckets: how many requests a second each caller may send."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LEEWAY_TOKENS = 1e-6
"""For the rounding of times: who comes just when a token is there is not sent away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a caller got a token, how many are left, and how long until there is one more."""

    is_allowed: bool
    left: int
    next_seconds: int


class TokenBuckets:
    """A bucket for each caller, which holds ``burst`` tokens and is filled with ``rate`` of them a
    second. Lives on the event loop.

    Of a bucket is kept what it lacked and when. One that is full is as good as new, and is
    forgotten; where more than ``most_callers`` are not, so is the one that was used longest ago.
    """

    def __init__(
        self, rate: float, most_callers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = max(1, math.ceil(rate))
        self.window_seconds = self._whole_seconds(self.burst)
        self._most_callers = most_callers
        self._clock = clock
        self._missing: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens that a caller's bucket lacked, and when."""

    def __len__(self) -> int:
        return len(self._missing)

    def take(self, caller: str) -> Standing:
        """Take a token out of the bucket of ``caller``, if there is one."""
        now = self._clock()
        missing, since = self._missing.get(caller, (0.0, now))
        missing = max(0.0, missing - (now - since) * self.rate) + 1
        spare = self.burst - missing
        if spare < -LEEWAY_TOKENS:
            return Standing(False, 0, self._whole_seconds(-spare))
        self._missing[caller] = missing, now
        self._missing.move_to_end(caller)
        self._forget(now)
        left = max(0, math.floor(spare + LEEWAY_TOKENS))
        return Standing(True, left, self._whole_seconds(left + 1 - spare))

    def _forget(self, now: float) -> None:
        """Let go of two buckets at most: one more than a caller adds, and nobody's wait."""
        for _ in range(2):
            caller, (missing, since) = next(iter(self._missing.items()))
            is_full = missing <= (now - since) * self.rate
            if not is_full and len(self._missing) <= self._most_callers:
                return
            del self._missing[caller]

    def _whole_seconds(self, tokens: float) -> int:
        """Until so many tokens have come."""
        return max(1, math.ceil((tokens - LEEWAY_TOKENS / 2) / self.rate))
