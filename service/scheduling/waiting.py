"""The tickets of one model and priority that wait, findable by length, and those that run."""

from collections.abc import Mapping

from service.scheduling.cost import CostModel
from service.scheduling.executor import Executor
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket


class WaitingLine:
    """Tickets of one model and priority, with the model's executor and cost model. Owned by the
    scheduler, used under its lock.
    """

    def __init__(self, name: str, priority: Priority, executor: Executor, cost: CostModel) -> None:
        self.name = name
        self.priority = priority
        self.executor = executor
        self.cost = cost
        self.waiting_tokens = 0
        self.short_count = 0
        """Short tickets that wait and take room."""

        self._by_length: dict[int, dict[Ticket, None]] = {}
        self._counts: dict[int, int] = {}
        self._in_flight: dict[bytes, Ticket] = {}

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many tickets wait, by length in tokens."""
        return self._counts

    def predict(self, rows: int, longest: int, real_tokens: int) -> float:
        """Seconds that a batch of so many rows and tokens will run."""
        return self.cost.predict(rows, longest, self.computed_tokens(rows, longest, real_tokens))

    def computed_tokens(self, rows: int, longest: int, real_tokens: int) -> int:
        """Of which products are computed in such a batch: all but padding, or padding too."""
        return real_tokens if self.executor.packs else rows * longest

    def add(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait."""
        length = ticket.sequence.length
        self._by_length.setdefault(length, {})[ticket] = None
        self._counts[length] = self._counts.get(length, 0) + 1
        self.waiting_tokens += length
        self.short_count += ticket.is_short and ticket.takes_room
        self._in_flight[ticket.fingerprint] = ticket

    def remove(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait no longer; it must be waiting here. It is still in flight."""
        length = ticket.sequence.length
        del self._by_length[length][ticket]
        self.waiting_tokens -= length
        self.short_count -= ticket.is_short and ticket.takes_room
        if self._counts[length] == 1:
            del self._counts[length], self._by_length[length]
        else:
            self._counts[length] -= 1

    def forget(self, ticket: Ticket) -> None:
        """``ticket`` is not in flight any more: it was answered, or nobody waits for it."""
        if self._in_flight.get(ticket.fingerprint) is ticket:
            del self._in_flight[ticket.fingerprint]

    def in_flight(self, fingerprint: bytes) -> Ticket | None:
        """The ticket of an identical sequence that waits or runs, if there is one."""
        return self._in_flight.get(fingerprint)

    def first(self, length: int, count: int, anchor: Ticket) -> list[Ticket]:
        """``count`` tickets of ``length`` in order of arrival, ``anchor`` being one of them if it
        has that length.
        """
        chosen = [anchor] if anchor.sequence.length == length else []
        for ticket in self._by_length.get(length, ()):
            if len(chosen) == count:
                break
            if ticket is not anchor:
                chosen.append(ticket)
        return chosen
