"""Whose turn it is: the order in which waiting tickets begin a batch, and how large it may be."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator

from service.scheduling.backlog import Backlog
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.crowd import Crowd, RowCounts
from service.scheduling.due import DueQueue, Turn
from service.scheduling.priority import BulkShare, Priority
from service.scheduling.runs import LONG_SECONDS, Run, RunsInProgress
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.waiting import WaitingLine

FEW_ROWS = 5
"""Waiting and running for each worker, below which batches are small, unless there is a crowd: four
times as many tokens take an eighth less time each, and every row waits for all of its batch.
Simulated at 70 % load (docs/decisions/scheduling.md)."""

GATHERING_CORES = 2
"""As many at most: short rows that go first do so together and on every core. On two a run of them
takes half as long as on one, and costs the others no more; on more cores it was not measured."""

GATHERED_TOKENS = 100
"""Of short rows in one such run. Simulated (docs/decisions/scheduling.md)."""

OVERTAKERS = 2
"""For each worker: one in place of bulk that it runs, one for quick batches."""

MOST_OVERTAKERS = 16
"""Where there are many workers, hardly ever all of them are taken by long runs."""

SWEPT_TICKETS = 64
"""Of one priority, below which it costs nothing to keep those that wait no longer."""


def count_overtakers(workers: int) -> int:
    """How many threads there are, beside so many workers, for what goes first."""
    return min(OVERTAKERS * workers, MOST_OVERTAKERS)


class Turns:
    """The order of service. Owned by the scheduler, used under its lock.

    Each ticket is *due* at its admission plus the predicted work of the same request before it. The
    ticket that is due first anchors the next batch, so no length and no request is passed over for
    long, and the thousandth window of one document comes after the short question that arrived
    meanwhile. Unless there is a crowd, long sequences are due later still, batches of a few are
    small, and those of short rows go first where a run takes long: they are run at a higher
    priority of the operating system, overtaking longer runs, which go on when they are done. On two
    cores they do so together and on both of them, one batch at a time; on more, and where the model
    makes no use of several cores, each has one core, and no more go first at once than there are.

    Bulk has every worker that interactive work leaves free, and is overtaken by all of it, except
    for the share that bulk is owed.
    """

    def __init__(
        self, workers: int, limits: BatchLimits, backlog: Backlog, runs: RunsInProgress
    ) -> None:
        self._workers = workers
        self._limits = limits
        self._backlog = backlog
        self._runs = runs
        self._due: dict[Priority, dict[WaitingLine, DueQueue]] = {each: {} for each in Priority}
        self._numbers = itertools.count()
        self._crowds = {priority: Crowd(workers) for priority in Priority}
        self._bulk = BulkShare()

    def wait(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait for its turn."""
        self._due[ticket.line.priority].setdefault(ticket.line, DueQueue()).add(
            ticket, next(self._numbers)
        )
        self.sweep()

    def waiting(self) -> Iterable[Ticket]:
        """All that wait, those of each priority in order."""
        return (turn.ticket for each in Priority for turn in self._order(each, put_off_long=False))

    def sweep(self) -> None:
        """Forget tickets that wait no longer, where they are most of those that are kept: they
        leave an order only when they surface in it, which in the one that is not asked for they
        never do.
        """
        for priority, queues in self._due.items():
            kept = sum(map(len, queues.values()))
            if kept > SWEPT_TICKETS and kept > 2 * self._backlog.lanes[priority].waiting_count:
                for queue in queues.values():
                    queue.sweep()

    def priorities(self) -> list[Priority]:
        """Those that may begin a run on a core that is free, the one to be served first in front;
        none while no core is.
        """
        if self._runs.fill(self._workers):
            return []
        if self._bulk.is_owed:
            return [Priority.BULK, Priority.INTERACTIVE]
        return [Priority.INTERACTIVE, Priority.BULK]

    def in_turn(self, priority: Priority, now: float) -> Iterator[Ticket]:
        """Tickets that may begin a batch now, in order. The next one is asked for only when the
        last has been taken out.
        """
        put_off_long = not self._is_crowded(priority, now)
        queues = self._due[priority].values()
        while turns := [
            turn for queue in queues if (turn := queue.first(put_off_long=put_off_long)) is not None
        ]:
            yield min(turns).ticket

    def first(self, now: float) -> Ticket | None:
        """The ticket that begins the next batch on a core that is free; None if none is."""
        for priority in self.priorities():
            if (ticket := next(self.in_turn(priority, now), None)) is not None:
                return ticket
        return None

    def ahead(
        self, line: WaitingLine, tokens: int, now: float, *, short: bool = False
    ) -> list[Ticket]:
        """The first that wait in ``line``, in order, that have so many tokens together; of those
        that are ``short`` alone.
        """
        put_off_long = not self._is_crowded(line.priority, now)
        tickets, real = [], 0
        for turn in self._due[line.priority][line].in_order(put_off_long=put_off_long):
            if short and not turn.ticket.is_short:
                continue
            tickets.append(turn.ticket)
            real += turn.ticket.sequence.length
            if real >= tokens:
                break
        return tickets

    def is_quick(self, ticket: Ticket, now: float) -> bool:
        """Whether a batch that it begins goes first."""
        return (
            ticket.is_short
            and (
                ticket.cost_seconds >= LONG_SECONDS
                or self._runs.are_any_long
                or self.gathers(ticket.line)
            )
            and self._may_go_first(ticket.line.priority, now)
        )

    def gathers(self, line: WaitingLine) -> bool:
        """Whether its short rows that go first now do so together, on every core."""
        return (
            1 < self._workers <= GATHERING_CORES
            and line.executor.widens
            and line.cost.predict(1, SHORT_TOKENS) >= LONG_SECONDS
            and self._runs.leave_every_core
        )

    def may_replace_bulk(self) -> bool:
        """Whether interactive work may begin a batch as if there were no bulk, which takes cores
        that it is not owed. The first at any time; more only where bulk takes long.
        """
        return (
            self._runs.fill(self._workers)
            and not self._bulk.is_owed
            and not self._runs.is_every_core_first
            and self._runs.interactive_count < self._workers
            and self._runs.bulk_count > 0
            and (self._runs.interactive_count == 0 or self._runs.are_any_of_bulk_long)
        )

    def overtaking(self, now: float) -> list[Ticket]:
        """Interactive tickets that may overtake what runs now, in order."""
        if (
            not self._runs.fill(self._workers)
            or self._runs.first_count >= self._workers
            or not self._may_go_first(Priority.INTERACTIVE, now)
        ):
            return []
        bulk = not self._bulk.is_owed
        return [
            turn.ticket
            for turn in self._order(Priority.INTERACTIVE, put_off_long=True)
            if turn.ticket.is_short
            and self._runs.may_be_overtaken(turn.ticket.cost_seconds, now, bulk=bulk)
        ]

    def gathered_limits(self) -> BatchLimits:
        """Of a batch of short rows that goes first on every core."""
        return BatchLimits(min(GATHERED_TOKENS, self._limits.tokens), self._limits.waste)

    def limits_for(self, line: WaitingLine, now: float) -> BatchLimits:
        """Share what waits evenly among the idle workers while it is less than a full batch for
        each; batches are small where nobody should wait for the other rows.
        """
        idle = max(1, self._workers - self._backlog.running.count)
        most = self._limits.tokens
        if self._batches_are_small(line.priority, now):
            most = min(most, self._quick_tokens(line))
        most = min(most, math.ceil(line.waiting_tokens / idle))
        return BatchLimits(most, self._limits.waste)

    def may_be_wide(self, tickets: list[Ticket]) -> bool:
        """Whether these, taken out of what waits, are all that there is to do."""
        return (
            self._workers > 1
            and len(tickets) == 1
            and not self._backlog.running.count
            and not self._backlog.waiting_count
        )

    @property
    def bulk_is_here(self) -> bool:
        """Whether there is bulk work that waits or runs."""
        return bool(self._runs.bulk_count or self._backlog.lanes[Priority.BULK].waiting_count)

    def began(self, run: Run) -> None:
        """Count a run that a worker has taken."""
        self._bulk.took(run.line.priority, self._priced(run), bulk_is_here=self.bulk_is_here)

    def gave_back(self, run: Run) -> None:
        """Take away a run that was stopped."""
        self._bulk.gave_back(run.line.priority, self._priced(run))

    def _order(self, priority: Priority, *, put_off_long: bool) -> Iterator[Turn]:
        """What waits, of all models."""
        queues = self._due[priority].values()
        return heapq.merge(*(queue.in_order(put_off_long=put_off_long) for queue in queues))

    @staticmethod
    def _quick_tokens(line: WaitingLine) -> int:
        """Tokens in one batch of a model where batches are small: those of a short row, or as many
        as are not worth overtaking if those are more.
        """
        seconds = line.cost.predict(1, SHORT_TOKENS)
        return int(SHORT_TOKENS * max(1.0, LONG_SECONDS / seconds))

    def _priced(self, run: Run) -> float:
        """Seconds that the tokens of ``run`` take in full batches, however small this one is: what
        interactive work pays for being answered soon is not taken from it a second time.
        """
        rows = max(1, self._limits.tokens // SHORT_TOKENS)
        full = run.line.cost.predict(rows, SHORT_TOKENS)
        return run.real_tokens * full / (rows * SHORT_TOKENS)

    def _batches_are_small(self, priority: Priority, now: float) -> bool:
        rows = self._backlog.lanes[priority].waiting_count + self._runs.rows(priority).all
        return (
            priority is Priority.INTERACTIVE
            and rows < FEW_ROWS * self._workers
            and not self._is_crowded(priority, now)
        )

    def _may_go_first(self, priority: Priority, now: float) -> bool:
        return priority is Priority.INTERACTIVE and not self._is_crowded(priority, now)

    def _is_crowded(self, priority: Priority, now: float) -> bool:
        """Whether so much waits and runs, or stays so for so long, that nobody goes before others
        and large batches are run. What one giant request has beyond its share of the room does not
        count: it is nobody's wait but its own.
        """
        waiting = self._backlog.lanes[priority].waiting
        running = self._runs.rows(priority)
        short = sum(line.short_count for line in self._due[priority])
        counts = RowCounts(waiting.count + running.all, short + running.short)
        seconds = (waiting.seconds + self._backlog.running.seconds) / self._workers
        return self._crowds[priority].is_here(counts, seconds, now)
