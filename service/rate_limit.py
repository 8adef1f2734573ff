"""Token buckets: how many requests a second each caller may send."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LEEWAY_SECONDS = 1e-8
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

    Of a bucket all that is kept is when it will be full. One that is full is as good as new, and is
    forgotten; where more than ``most_callers`` are not, so is the one that was used longest ago.
    """

    def __init__(
        self, rate: float, most_callers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = max(1, math.ceil(rate))
        self.window_seconds = _whole_seconds(self.burst / rate)
        self._most_callers = most_callers
        self._clock = clock
        self._token_seconds = 1 / rate
        self._filling_seconds = self.burst / rate
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str) -> Standing:
        """Take a token out of the bucket of ``caller``, if there is one."""
        now = self._clock()
        full_at = max(self._full_at.get(caller, now), now) + self._token_seconds
        spare_seconds = self._filling_seconds - (full_at - now)
        if spare_seconds < -LEEWAY_SECONDS:
            return Standing(False, 0, _whole_seconds(-spare_seconds))
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        self._forget(now)
        left = max(0, math.floor((spare_seconds + LEEWAY_SECONDS) * self.rate))
        return Standing(
            True, left, _whole_seconds((left + 1) * self._token_seconds - spare_seconds)
        )

    def _forget(self, now: float) -> None:
        """Let go of two buckets at most: one more than a caller adds, and nobody's wait."""
        for _ in range(2):
            caller, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= self._most_callers:
                return
            del self._full_at[caller]


def _whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds - LEEWAY_SECONDS))
