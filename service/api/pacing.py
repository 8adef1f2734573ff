"""Requests that were let in, and begin a few at a time.

To begin one, the event loop reads, validates and tokenises it, some tenths of a millisecond in
which it reads nothing else. Where hundreds come at once, those that come behind them would wait for
all of them, to be refused or for a health check. So only a few begin between two looks at the
sockets.
"""

from collections import deque
from collections.abc import Callable

AT_ONCE = 8
"""Requests that begin between two looks at the sockets: it is some milliseconds until the next."""

CROWD = 32
"""Requests that are held back, from which on they begin one by one: while they do, others like them
come, which are refused, on connections that are to be accepted first."""


class Pacing:
    """Holds back all but a few requests that have not begun. Lives on the event loop.

    Each is a function that hands it to the event loop; False when there is nothing to begin any
    more.
    """

    def __init__(self) -> None:
        self._handed_over = 0
        self._held_back: deque[Callable[[], bool]] = deque()

    @property
    def unbegun(self) -> int:
        """Requests that were let in and have not begun."""
        return self._handed_over + len(self._held_back)

    @property
    def crowd(self) -> int:
        """Those of them that are held back, if they are many: a few have begun soon, and the queue
        itself knows better than anyone what room they leave.
        """
        return len(self._held_back) if len(self._held_back) >= CROWD else 0

    def let_in(self, hand_over: Callable[[], bool]) -> None:
        """Have a request begin, after those that were let in before."""
        self._held_back.append(hand_over)
        self._hand_over()

    def begun(self) -> None:
        """One that was handed over has begun."""
        self._handed_over -= 1
        self._hand_over()

    def _hand_over(self) -> None:
        while self._held_back and self._handed_over < self._most:
            self._handed_over += self._held_back.popleft()()

    @property
    def _most(self) -> int:
        return 1 if self.crowd else AT_ONCE
