"""The tickets of one waiting line in the orders in which they may be served."""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from service.scheduling.ticket import Ticket


class Turn(NamedTuple):
    """A ticket's place in an order: the lowest ``key`` is first, and of equal ones the lowest
    ``number``, which no two tickets share.
    """

    key: float
    number: int
    ticket: Ticket


class _Order:
    """Tickets by keys that stay what they are. One that waits no longer stays until it surfaces or
    is swept out, and has its old place if it waits again before then.
    """

    def __init__(self) -> None:
        self._heap: list[Turn] = []
        self._kept: set[Ticket] = set()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, key: float, ticket: Ticket) -> None:
        if ticket not in self._kept:
            self._kept.add(ticket)
            heapq.heappush(self._heap, Turn(key, ticket.number, ticket))

    def first(self) -> Turn | None:
        heap = self._heap
        while heap and not heap[0].ticket.waiting:
            self._kept.remove(heapq.heappop(heap).ticket)
        return heap[0] if heap else None

    def in_order(self) -> Iterator[Turn]:
        heap = self._heap
        reached = [(heap[0], 0)] if heap else []
        while reached:
            turn, index = heapq.heappop(reached)
            if turn.ticket.waiting:
                yield turn
            for below in (2 * index + 1, 2 * index + 2):
                if below < len(heap):
                    heapq.heappush(reached, (heap[below], below))

    def sweep(self) -> None:
        self._heap[:] = [turn for turn in self._heap if turn.ticket.waiting]
        heapq.heapify(self._heap)
        self._kept = {turn.ticket for turn in self._heap}


class DueQueue:
    """Waiting tickets by when they are due, and by when they came. Owned by the scheduler.

    Both are fixed when a ticket is admitted, so in either order nobody is passed over without end.
    """

    def __init__(self) -> None:
        self._by_due = _Order()
        self._by_coming = _Order()

    def __len__(self) -> int:
        """How many are kept, those included that wait no longer."""
        return max(len(self._by_due), len(self._by_coming))

    def add(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait, for the first time or again."""
        self._by_due.add(ticket.due, ticket)
        self._by_coming.add(ticket.came, ticket)

    def first(self, *, as_they_came: bool) -> Turn | None:
        """The one that is served first."""
        return self._order(as_they_came=as_they_came).first()

    def in_order(self, *, as_they_came: bool) -> Iterator[Turn]:
        """Those that wait, from the first on, found as they are asked for. Nothing may be added or
        taken out meanwhile.
        """
        return self._order(as_they_came=as_they_came).in_order()

    def sweep(self) -> None:
        """Forget those that wait no longer."""
        self._by_due.sweep()
        self._by_coming.sweep()

    def _order(self, *, as_they_came: bool) -> _Order:
        return self._by_coming if as_they_came else self._by_due
