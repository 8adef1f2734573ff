"""Whose turn it is: the order in which waiting tickets begin a run, and how large it may be."""

import math
from collections.abc import Iterable, Iterator

from service.scheduling.backlog import Backlog
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.due import DueQueue
from service.scheduling.priority import BulkShare, Priority
from service.scheduling.runs import Run, RunsInProgress
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.waiting import WaitingLine

BEHIND_RUNS = 14.0
"""Of a row of SHORT_TOKENS, for each worker: when more work waits, not all can be run in time."""

CROWD_SHORT_ROWS = 4
"""For each worker: when so many short ones wait, what a run brings counts, for together they take
much less than one by one. They still go before longer ones, or they would only become more. Both
were simulated at 50 to 90 % load and in closed loops (docs/simulation.md)."""

SWEPT_TICKETS = 64
"""Of one priority, below which it costs nothing to keep those that wait no longer."""


class Turns:
    """The order of service. Owned by the scheduler, used under its lock.

    The ticket that is due first anchors the next run: short ones are due soon, long ones later
    (``service.scheduling.patience``). A run of a few layers is soon over, and then it is again the
    ticket that is due first, whether it has begun or not. So short ones go before longer ones, and
    beside them where neither is late for it. When a ticket is due is fixed when it is admitted, so
    that none is passed over for long.

    Where more waits than can be run in time, the order is that in which they came, and what a run
    brings counts: rows go through all layers together.

    Bulk has every worker that interactive work leaves free, and the share that it is owed.
    """

    def __init__(
        self, workers: int, limits: BatchLimits, backlog: Backlog, runs: RunsInProgress
    ) -> None:
        self._workers = workers
        self._limits = limits
        self._backlog = backlog
        self._runs = runs
        self._due: dict[Priority, dict[WaitingLine, DueQueue]] = {each: {} for each in Priority}
        self._bulk = BulkShare()

    def wait(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait for its turn, for the first time or again."""
        self._due[ticket.line.priority].setdefault(ticket.line, DueQueue()).add(ticket)
        self.sweep()

    def waiting(self) -> Iterable[Ticket]:
        """All that wait."""
        for queues in self._due.values():
            for queue in queues.values():
                yield from (turn.ticket for turn in queue.in_order(as_they_came=True))

    def sweep(self) -> None:
        """Forget tickets that wait no longer, where they are most of those that are kept: they
        leave an order only when they surface in it.
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

    def in_turn(self, priority: Priority) -> Iterator[Ticket]:
        """Tickets that may begin a run now, in order. The next one is asked for only when the last
        has been taken out.
        """
        behind = self.is_behind(priority)
        queues = self._due[priority].values()
        while turns := [
            turn for queue in queues if (turn := queue.first(as_they_came=behind)) is not None
        ]:
            yield min(turns).ticket

    def is_crowded(self, priority: Priority) -> bool:
        """Whether so many short ones wait, or so much, that what a run brings counts."""
        short = sum(line.short_count for line in self._due[priority])
        return short >= CROWD_SHORT_ROWS * self._workers or self.is_behind(priority)

    def is_behind(self, priority: Priority) -> bool:
        """Whether more waits than can be run in time. What one giant request has beyond its share
        of the room does not count: it is nobody's wait but its own.
        """
        lines = [line for line in self._due[priority] if line.waiting_tokens]
        longest = max((line.cost.predict(1, SHORT_TOKENS) for line in lines), default=0.0)
        most = BEHIND_RUNS * longest * self._workers
        return self._backlog.lanes[priority].waiting.seconds > most

    def ahead(self, line: WaitingLine, tokens: int) -> list[Ticket]:
        """The first that wait in ``line``, in order, that have so many tokens together."""
        tickets, real = [], 0
        behind = self.is_behind(line.priority)
        for turn in self._due[line.priority][line].in_order(as_they_came=behind):
            tickets.append(turn.ticket)
            real += turn.ticket.sequence.length
            if real >= tokens:
                break
        return tickets

    def limits_for(self, line: WaitingLine) -> BatchLimits:
        """Share what waits evenly among the idle workers while it is less than a full batch for
        each.
        """
        idle = max(1, self._workers - self._backlog.running.count)
        most = min(self._limits.tokens, math.ceil(line.waiting_tokens / idle))
        return BatchLimits(most, self._limits.waste)

    def may_be_wide(self, tickets: list[Ticket]) -> bool:
        """Whether these, taken out of what waits, are all that there is to do."""
        return (
            self._workers > 1
            and len(tickets) == 1
            and not self._backlog.running.count
            and not self._backlog.waiting_count
        )

    def began(self, run: Run) -> None:
        """Count a run that a worker has taken."""
        bulk_is_here = bool(
            self._runs.bulk_count or self._backlog.lanes[Priority.BULK].waiting_count
        )
        self._bulk.took(run.line.priority, self._priced(run), bulk_is_here=bulk_is_here)

    def gave_back(self, run: Run) -> None:
        """Take away a run that was stopped."""
        self._bulk.gave_back(run.line.priority, self._priced(run))

    def _priced(self, run: Run) -> float:
        """Seconds that the tokens of ``run`` take in full batches, however small this one is: what
        interactive work pays for being answered soon is not taken from it a second time.
        """
        rows = max(1, self._limits.tokens // SHORT_TOKENS)
        full = run.line.cost.predict(rows, SHORT_TOKENS)
        return run.share * run.real_tokens * full / (rows * SHORT_TOKENS)
