"""What workers have taken to run."""

from dataclasses import dataclass, field

from service.runtime.halfway import Row
from service.runtime.session import StopSignal
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a worker has taken: tickets of one model and priority, and how many ``layers`` of each
    it runs.

    ``cost_seconds`` are predicted. ``wide``: nothing else is to be done, so it may use every core.
    """

    line: WaitingLine
    tickets: list[Ticket]
    layers: int
    cost_seconds: float
    wide: bool = False
    stop: StopSignal = field(default_factory=StopSignal)

    @property
    def rows(self) -> list[Row]:
        """The rows of the batch, as far as they have come."""
        return [ticket.row for ticket in self.tickets]

    @property
    def padded_length(self) -> int:
        """Tokens of the longest row."""
        return max(ticket.sequence.length for ticket in self.tickets)

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return sum(ticket.sequence.length for ticket in self.tickets)

    @property
    def share(self) -> float:
        """Of all layers, those that it runs."""
        return self.layers / self.line.executor.layers

    @property
    def is_typical(self) -> bool:
        """Whether its time says how long such a batch takes: it has one core, and is not the last
        layer alone, which computes less.
        """
        of_all = self.line.executor.layers
        ends = all(ticket.layers_left == self.layers for ticket in self.tickets)
        return not self.wide and not (ends and self.layers < of_all / 2)


class RunsInProgress:
    """Every run from when a worker takes it until it hands it in. Owned by the scheduler, used
    under its lock.
    """

    def __init__(self) -> None:
        self._by_ticket: dict[Ticket, Run] = {}
        self._runs: set[Run] = set()

    @property
    def bulk_count(self) -> int:
        """How many are bulk."""
        return sum(run.line.priority is Priority.BULK for run in self._runs)

    def fill(self, cores: int) -> bool:
        """Whether they take all of so many cores."""
        return len(self._runs) >= cores or any(run.wide for run in self._runs)

    def of(self, ticket: Ticket) -> Run | None:
        """The run that ``ticket`` is in."""
        return self._by_ticket.get(ticket)

    def begin(self, run: Run) -> None:
        """A worker takes ``run``."""
        self._by_ticket.update(dict.fromkeys(run.tickets, run))
        self._runs.add(run)

    def end(self, run: Run) -> None:
        """A worker hands ``run`` in."""
        for ticket in run.tickets:
            del self._by_ticket[ticket]
        self._runs.remove(run)
