"""The tickets that wait for one model, findable by length."""

from collections.abc import Mapping

from service.scheduling.cost import CostModel
from service.scheduling.executor import Executor
from service.scheduling.ticket import Ticket


class WaitingLine:
    """Waiting tickets of one model, its executor and its cost model. Owned by the scheduler, used
    under its lock.
    """

    def __init__(self, name: str, executor: Executor, cost: CostModel) -> None:
        self.name = name
        self.executor = executor
        self.cost = cost
        self.waiting_tokens = 0
        self._by_length: dict[int, dict[Ticket, None]] = {}
        self._counts: dict[int, int] = {}

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many tickets wait, by length in tokens."""
        return self._counts

    def add(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait."""
        length = ticket.sequence.length
        self._by_length.setdefault(length, {})[ticket] = None
        self._counts[length] = self._counts.get(length, 0) + 1
        self.waiting_tokens += length

    def remove(self, ticket: Ticket) -> None:
        """Take ``ticket`` out; it must be waiting here."""
        length = ticket.sequence.length
        del self._by_length[length][ticket]
        self.waiting_tokens -= length
        if self._counts[length] == 1:
            del self._counts[length], self._by_length[length]
        else:
            self._counts[length] -= 1

    def first(self, length: int, count: int, anchor: Ticket) -> list[Ticket]:
        """``count`` tickets of ``length`` in order of arrival, ``anchor`` being one of them if it
        has that length.
        """
        chosen = [anchor] if anchor.sequence.length == length else []
        for ticket in self._by_length[length]:
            if len(chosen) == count:
                break
            if ticket is not anchor:
                chosen.append(ticket)
        return chosen
