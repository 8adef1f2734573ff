"""The tickets of one waiting line in the orders in which they may be served."""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from service.scheduling.ticket import Ticket

DELAY_TIMES = 2.0
"""Of its own run, how much later a ticket is due where long ones are put off: simulated at
70 % load (docs/decisions/scheduling.md)."""


class Turn(NamedTuple):
    """When it is a ticket's turn. ``number``: of two that are due at once, the lower is first; no
    two tickets have the same.
    """

    due: float
    number: int
    ticket: Ticket

    @property
    def is_waited_for(self) -> bool:
        """Whether the ticket still waits, and has no other turn since."""
        return self.ticket.waiting and self.ticket.turn == self.number


class DueQueue:
    """Waiting tickets by when they are due, and by when they are due if long ones are put off.

    Both times are fixed when a ticket is added, so in either order whoever is added later with the
    same cost comes later, and nobody is passed over without end. Owned by the scheduler. A ticket
    that waits no longer stays until it surfaces or is swept out; so does the turn of one that was
    added again.
    """

    def __init__(self) -> None:
        self._by_due: list[Turn] = []
        self._by_put_off: list[Turn] = []

    def __len__(self) -> int:
        """How many are kept, those included that wait no longer."""
        return max(len(self._by_due), len(self._by_put_off))

    def add(self, ticket: Ticket, number: int) -> None:
        """Let ``ticket`` wait for its turn, and for no other."""
        ticket.turn = number
        heapq.heappush(self._by_due, Turn(ticket.due, number, ticket))
        put_off = ticket.due + DELAY_TIMES * ticket.cost_seconds
        heapq.heappush(self._by_put_off, Turn(put_off, number, ticket))

    def first(self, *, put_off_long: bool) -> Turn | None:
        """The one that is due first."""
        heap = self._by_put_off if put_off_long else self._by_due
        while heap and not heap[0].is_waited_for:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def in_order(self, *, put_off_long: bool) -> Iterator[Turn]:
        """Those that wait, from the first on, found as they are asked for. Nothing may be added or
        taken out meanwhile.
        """
        heap = self._by_put_off if put_off_long else self._by_due
        reached = [(heap[0], 0)] if heap else []
        while reached:
            turn, index = heapq.heappop(reached)
            if turn.is_waited_for:
                yield turn
            for below in (2 * index + 1, 2 * index + 2):
                if below < len(heap):
                    heapq.heappush(reached, (heap[below], below))

    def sweep(self) -> None:
        """Forget those that wait no longer."""
        for heap in (self._by_due, self._by_put_off):
            heap[:] = [turn for turn in heap if turn.is_waited_for]
            heapq.heapify(heap)
