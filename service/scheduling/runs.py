"""Batches that workers have taken."""

from dataclasses import dataclass, field

from service.runtime.sequence import Sequence
from service.runtime.session import StopSignal
from service.scheduling.crowd import RowCounts
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine

HELD_UP_TIMES = 4.0
"""Of its predicted time: a run that is held up until then is not overtaken any more. Simulated at
70 % load (docs/decisions/scheduling.md)."""

HELD_UP_ON_ALL_TIMES = 2.0
"""Of its predicted time: a run on one core that is held up until then is overtaken on one core at a
time, so that it goes on beside: a caller whose short texts follow one another does not stop it."""

LONG_SECONDS = 0.02
"""Predicted, that a run takes, from which on it is worth overtaking: with the default models hardly
any does. To wait for less is not noticed, and two threads on one core cost both of them their
caches and everyone the switches (docs/decisions/scheduling.md)."""

WIDE_SHARE = 0.55
"""Of its time on one core, what a run on every core takes on two: in process 0.51 of it for 24 to
384 tokens of ALBERT-base's shape, 0.49 to 0.63 with int8 (a one-off script); in the service, where
short ones had a core that others used before, 0.53 to 0.57 of what was predicted."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A batch that a worker has taken: tickets of one model and priority.

    ``wide``: it uses every core, because nothing else is to be done or because all else gives way.
    ``quick``: it is so short that all others give way to it. ``overtakes``: all cores were taken,
    so that it holds up others.
    ``started`` is in monotonic seconds.
    """

    line: WaitingLine
    tickets: list[Ticket]
    cost_seconds: float
    started: float = 0.0
    wide: bool = False
    quick: bool = False
    overtakes: bool = False
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

    @property
    def room_rows(self) -> int:
        """Rows that take room, not beyond the share of one giant request."""
        return sum(ticket.takes_room for ticket in self.tickets)

    @property
    def short_rows(self) -> int:
        """Those of them that are short."""
        return sum(ticket.takes_room and ticket.is_short for ticket in self.tickets)

    @property
    def is_bulk(self) -> bool:
        """Whether it gives way to interactive work."""
        return self.line.priority is Priority.BULK

    @property
    def is_long(self) -> bool:
        """Whether it takes so long that it is worth overtaking."""
        return self.cost_seconds >= LONG_SECONDS

    @property
    def goes_first(self) -> bool:
        """Whether the operating system lets it go before those that do not."""
        return self.quick or self.overtakes


class RunsInProgress:
    """Every run from when a worker takes it until it hands it in, and when it is expected to end.
    Owned by the scheduler, used under its lock.
    """

    def __init__(self) -> None:
        self._by_ticket: dict[Ticket, Run] = {}
        self._ends: dict[Run, float] = {}
        self._held_up: set[Run] = set()
        self._rows = dict.fromkeys(Priority, RowCounts(0, 0))

    @property
    def bulk_count(self) -> int:
        """How many are bulk."""
        return sum(run.is_bulk for run in self._ends)

    @property
    def interactive_count(self) -> int:
        """How many are not."""
        return len(self._ends) - self.bulk_count

    @property
    def first_count(self) -> int:
        """How many go before the others."""
        return sum(run.goes_first for run in self._ends)

    @property
    def is_every_core_first(self) -> bool:
        """Whether one that goes before the others has every core."""
        return any(run.wide and run.goes_first for run in self._ends)

    def rows(self, priority: Priority) -> RowCounts:
        """How many rows of this priority are run, without those that a giant request has beyond
        its share of the room.
        """
        return self._rows[priority]

    def fill(self, cores: int) -> bool:
        """Whether they take all of so many cores."""
        return len(self._ends) >= cores or any(run.wide for run in self._ends)

    def of(self, ticket: Ticket) -> Run | None:
        """The run that ``ticket`` is in."""
        return self._by_ticket.get(ticket)

    def begin(self, run: Run) -> None:
        """A worker takes ``run``. Those that it holds up share the delay, or all have it of a run
        on every core.
        """
        if run.overtakes or run.wide:
            held_up = [other for other in self._ends if not other.goes_first]
            for other in held_up:
                self._ends[other] += (
                    run.cost_seconds * WIDE_SHARE if run.wide else run.cost_seconds / len(held_up)
                )
            self._held_up.update(held_up)
        self._by_ticket.update(dict.fromkeys(run.tickets, run))
        self._count(run, 1)
        self._ends[run] = run.started + run.cost_seconds * (WIDE_SHARE if run.wide else 1)

    def end(self, run: Run) -> bool:
        """A worker hands ``run`` in. Whether its time says how long such a batch takes: it had one
        core, and that to itself.
        """
        for ticket in run.tickets:
            del self._by_ticket[ticket]
        del self._ends[run]
        self._count(run, -1)
        was_held_up = run in self._held_up
        self._held_up.discard(run)
        return not (run.wide or run.overtakes or was_held_up)

    def _count(self, run: Run, sign: int) -> None:
        rows, short = self._rows[run.line.priority]
        counted = RowCounts(rows + sign * run.room_rows, short + sign * run.short_rows)
        self._rows[run.line.priority] = counted

    @property
    def are_any_long(self) -> bool:
        """Whether one of them is worth overtaking."""
        return any(run.is_long for run in self._ends)

    @property
    def are_any_of_bulk_long(self) -> bool:
        """Whether one of bulk is."""
        return any(run.is_bulk and run.is_long for run in self._ends)

    @property
    def leave_every_core(self) -> bool:
        """Whether they leave every core to what goes first: none of them goes first itself, is
        bulk, or was held up for long on a core of its own. Bulk that stands still for a while is
        owed something soon after, and then interactive work waits for it. And beside a run on every
        core there is no core to be had: all threads of a session but the one that asks are as nice
        as the process, and what goes first shares a core with them (docs/simulation.md).
        """
        return not self.first_count and not any(
            run.is_bulk
            or (not run.wide and end >= run.started + HELD_UP_ON_ALL_TIMES * run.cost_seconds)
            for run, end in self._ends.items()
        )

    def may_be_overtaken(self, seconds: float, now: float, *, bulk: bool) -> bool:
        """Whether all may be held up for ``seconds``; ``bulk``: those of bulk at any rate."""
        return all(
            self._may_be_held_up(run, end - now > seconds, bulk=bulk)
            for run, end in self._ends.items()
        )

    def _may_be_held_up(self, run: Run, has_longer_to_go: bool, *, bulk: bool) -> bool:
        if run.goes_first:
            # It is not held up, except a lone text that has every core, and that is soon done.
            return not run.wide
        if not run.is_long:
            return False
        if run.is_bulk and (bulk or not has_longer_to_go):
            return bulk
        return self._ends[run] < run.started + HELD_UP_TIMES * run.cost_seconds
