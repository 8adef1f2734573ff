"""Ends what is waited for longer than it may be."""

import asyncio
import math
import time
from dataclasses import dataclass, field

GRAIN_SECONDS = 0.01
"""Deadlines that lie no farther apart share a timer, and are noticed up to so much late."""


@dataclass(slots=True)
class _Group:
    """Futures whose deadlines share a timer."""

    timer: asyncio.TimerHandle
    waiting: set[asyncio.Future[bool]] = field(default_factory=set)


class Deadlines:
    """Sets False on the futures of an event loop that are not done when their time is over. With an
    exception they would keep it alive, and it them and all frames that it passes, until the garbage
    collector comes.

    A timer of its own for each, started and stopped again, costs as much as validating a request's
    body (docs/decisions/http-cost.md). Deadlines are in monotonic seconds.
    """

    def __init__(self) -> None:
        self._groups: dict[int, _Group] = {}

    def watch(self, future: asyncio.Future[bool], deadline: float) -> None:
        """End ``future`` at ``deadline``, unless it is done or not watched any more by then."""
        grain = math.ceil(deadline / GRAIN_SECONDS)
        group = self._groups.get(grain)
        if group is None:
            seconds = grain * GRAIN_SECONDS - time.monotonic()
            timer = future.get_loop().call_later(seconds, self._end, grain)
            group = self._groups[grain] = _Group(timer)
        group.waiting.add(future)

    def forget(self, future: asyncio.Future[bool], deadline: float) -> None:
        """Watch ``future`` no longer. ``deadline`` is the one that it was watched for."""
        grain = math.ceil(deadline / GRAIN_SECONDS)
        group = self._groups.get(grain)
        if group is None:
            return
        group.waiting.discard(future)
        if not group.waiting:
            group.timer.cancel()
            del self._groups[grain]

    def _end(self, grain: int) -> None:
        for future in self._groups.pop(grain).waiting:
            if not future.done():
                future.set_result(False)
