"""The tickets of one priority in the orders in which they may be served."""

import heapq
import itertools
from collections.abc import Iterator

from service.scheduling.ticket import Ticket

DELAY_TIMES = 2.0
"""Of its own run, how much later a ticket is due where long ones are put off: simulated at
70 % load (docs/simulation.md)."""


class DueQueue:
    """Waiting tickets by when they are due, and by when they are due if long ones are put off.

    Both times are fixed when a ticket is added, so in either order whoever is added later with the
    same cost comes later, and nobody is passed over without end. Owned by the scheduler. A ticket
    that waits no longer stays until it surfaces or is swept out.
    """

    def __init__(self) -> None:
        self._order = itertools.count()
        self._by_due: list[tuple[float, int, Ticket]] = []
        self._by_put_off: list[tuple[float, int, Ticket]] = []

    def __len__(self) -> int:
        """How many are kept, those included that wait no longer."""
        return max(len(self._by_due), len(self._by_put_off))

    def __iter__(self) -> Iterator[Ticket]:
        """Those that wait, in no order."""
        return (ticket for _, _, ticket in self._by_due if ticket.waiting)

    def add(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait."""
        number = next(self._order)
        heapq.heappush(self._by_due, (ticket.due, number, ticket))
        put_off = ticket.due + DELAY_TIMES * ticket.cost_seconds
        heapq.heappush(self._by_put_off, (put_off, number, ticket))

    def first(self, *, put_off_long: bool) -> Ticket | None:
        """The one that is due first."""
        heap = self._by_put_off if put_off_long else self._by_due
        while heap and not heap[0][2].waiting:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def in_order(self) -> list[Ticket]:
        """All that wait, long ones put off."""
        return [ticket for _, _, ticket in sorted(self._by_put_off) if ticket.waiting]

    def sweep(self) -> None:
        """Forget those that wait no longer."""
        for heap in (self._by_due, self._by_put_off):
            heap[:] = [entry for entry in heap if entry[2].waiting]
            heapq.heapify(heap)
