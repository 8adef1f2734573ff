"""Batches that workers have taken."""

from dataclasses import dataclass, field

from service.runtime.sequence import Sequence
from service.runtime.session import StopSignal
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A batch that a worker has taken: tickets of one model and priority, of like lengths.

    ``wide``: nothing else is to be done, so it may use every core. ``kept``: not bulk that would be
    ended for others. ``started`` is in monotonic seconds.
    """

    line: WaitingLine
    tickets: list[Ticket]
    cost_seconds: float
    started: float = 0.0
    wide: bool = False
    kept: bool = True
    stop: StopSignal = field(default_factory=StopSignal)

    @property
    def sequences(self) -> list[Sequence]:
        """The rows of the batch."""
        return [ticket.sequence for ticket in self.tickets]

    @property
    def padded_length(self) -> int:
        """Tokens of the longest row."""
        return max(ticket.sequence.length for ticket in self.tickets)

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return sum(ticket.sequence.length for ticket in self.tickets)


class RunsInProgress:
    """Every run from when a worker takes it until it hands it in. Owned by the scheduler, used
    under its lock.
    """

    def __init__(self) -> None:
        self._by_ticket: dict[Ticket, Run] = {}
        self._bulk: set[Run] = set()
        self._ended_for_others: set[Run] = set()

    @property
    def bulk_count(self) -> int:
        """How many are bulk."""
        return len(self._bulk)

    @property
    def long_count(self) -> int:
        """How many are of long sequences."""
        return len({run for ticket, run in self._by_ticket.items() if ticket.line.is_long(ticket)})

    def of(self, ticket: Ticket) -> Run | None:
        """The run that ``ticket`` is in."""
        return self._by_ticket.get(ticket)

    def begin(self, run: Run) -> None:
        """A worker takes ``run``."""
        self._by_ticket.update(dict.fromkeys(run.tickets, run))
        if run.line.priority is Priority.BULK:
            self._bulk.add(run)

    def end(self, run: Run) -> bool:
        """A worker hands ``run`` in. Whether it had been ended for others."""
        for ticket in run.tickets:
            del self._by_ticket[ticket]
        self._bulk.discard(run)
        ended = run in self._ended_for_others
        self._ended_for_others.discard(run)
        return ended

    def end_longest_bulk(self, than_seconds: float, now: float) -> None:
        """Have the bulk run stop that has longest to go, if that is more than ``than_seconds`` and
        it need not be kept.
        """
        ends = {
            run: run.started + run.cost_seconds
            for run in self._bulk - self._ended_for_others
            if not run.kept
        }
        last = max(ends, key=ends.__getitem__, default=None)
        if last is not None and ends[last] - now > than_seconds:
            self._ended_for_others.add(last)
            last.stop.stop()
