"""Whose turn it is: the order in which waiting tickets begin a batch, and how large it may be."""

import math
from collections.abc import Iterable, Iterator

from service.scheduling.backlog import Backlog
from service.scheduling.batch_plan import BatchLimits
from service.scheduling.due import DueQueue
from service.scheduling.priority import Priority, Shares
from service.scheduling.runs import Run, RunsInProgress
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine

SATURATED_TICKETS = 9
"""Waiting for each worker, at which long ones are not put off any more."""

SATURATED_SECONDS = 8.0
"""Without a moment in which nothing waited, after which that is so as well."""

BUSY_SHARE = 0.5
"""Of the workers' recent time: a service that is less busy runs long sequences on all of them."""


class Turns:
    """The order of service. Owned by the scheduler, used under its lock.

    Each ticket is *due* at its admission plus the predicted work of the same request before it. The
    ticket that is due first anchors the next batch, so no length and no request is passed over for
    long, and the thousandth window of one document comes after the short question that arrived
    meanwhile. While little waits, long sequences are due later still, and on a busy service they
    never have the last worker, so that short ones need not wait for them.

    Bulk comes after interactive, except for the share that it is owed. While interactive work comes
    in, one worker is kept from bulk, and its batches are halved; where an interactive sequence
    finds no worker, a bulk run that need not be kept is ended and waits again.
    """

    def __init__(
        self, workers: int, limits: BatchLimits, backlog: Backlog, runs: RunsInProgress
    ) -> None:
        self._workers = workers
        self._limits = limits
        self._backlog = backlog
        self._runs = runs
        self._due = {priority: DueQueue() for priority in Priority}
        self._shares = Shares()
        self._waiting_since = float("-inf")

    def wait(self, ticket: Ticket, now: float) -> None:
        """Let ``ticket``, which is not yet counted in the backlog, wait for its turn."""
        if not self._backlog.waiting_count:
            self._waiting_since = now
        self._due[ticket.line.priority].add(ticket)

    def waiting(self) -> Iterable[Ticket]:
        """All that wait, in no order."""
        return (ticket for due in self._due.values() for ticket in due)

    def sweep(self) -> None:
        """Forget tickets that wait no longer, where they are most of those that are kept: they
        leave the heaps only when they surface.
        """
        for priority, due in self._due.items():
            if len(due) > 64 and len(due) > 2 * self._backlog.lanes[priority].waiting_count:
                due.sweep()

    def priorities(self, now: float) -> list[Priority]:
        """Those that may begin a run now, the one to be served first in front."""
        order = [Priority.INTERACTIVE]
        most = self._workers
        if self._workers > 1 and self._shares.interactive_is_recent(now):
            most -= 1
        if self._runs.bulk_count < most:
            order.insert(0 if self._shares.bulk_is_owed else 1, Priority.BULK)
        return order

    def in_turn(self, priority: Priority, now: float) -> Iterator[Ticket]:
        """Tickets that may begin a batch now, in order. The next one is asked for only when the
        last has been taken out.
        """
        due = self._due[priority]
        put_off_long = not self._is_saturated(now)
        while (ticket := due.first(put_off_long=put_off_long)) is not None:
            if self._must_leave_a_worker(ticket, now):
                yield from (other for other in due.in_order() if not other.line.is_long(other))
                return
            yield ticket

    def limits_for(self, line: WaitingLine, now: float) -> BatchLimits:
        """Share what waits evenly among the idle workers while it is less than a full batch for
        each; bulk has smaller batches while interactive work may have to wait for them.
        """
        idle = max(1, self._workers - self._backlog.running.count)
        most = self._limits.padded_tokens
        if line.priority is Priority.BULK and self._shares.interactive_is_recent(now):
            most = max(1, most // 2)
        return BatchLimits(min(most, math.ceil(line.waiting_tokens / idle)), self._limits.waste)

    def may_be_wide(self, tickets: list[Ticket]) -> bool:
        """Whether these, taken out of what waits, are all that there is to do."""
        return (
            self._workers > 1
            and len(tickets) == 1
            and not self._backlog.running.count
            and not self._backlog.waiting_count
        )

    def must_be_kept(self, priority: Priority) -> bool:
        """Whether a run that begins now may not be ended for others."""
        return priority is Priority.INTERACTIVE or self._shares.bulk_is_kept

    def began(self, run: Run) -> None:
        """Count a run that a worker has taken."""
        bulk_is_here = bool(
            self._runs.bulk_count or self._backlog.lanes[Priority.BULK].waiting_count
        )
        self._shares.took(
            run.line.priority, run.cost_seconds, run.started, bulk_is_here=bulk_is_here
        )

    def gave_back(self, run: Run) -> None:
        """Take away a run that was stopped."""
        self._shares.gave_back(run.line.priority, run.cost_seconds)

    def make_way(self, cost_seconds: float, now: float) -> None:
        """End the bulk run that has longest to go, if it keeps interactive work waiting for longer
        than the ``cost_seconds`` which that runs itself.
        """
        if self._backlog.running.count >= self._workers:
            self._runs.end_longest_bulk(cost_seconds, now)

    def _must_leave_a_worker(self, ticket: Ticket, now: float) -> bool:
        """Whether a long ticket has to leave the last worker to the short ones that keep coming."""
        return (
            ticket.line.priority is Priority.INTERACTIVE
            and ticket.line.is_long(ticket)
            and not self._is_saturated(now)
            and self._shares.busy(self._workers, now) > BUSY_SHARE
            and self._runs.long_count >= self._workers - 1 > 0
        )

    def _is_saturated(self, now: float) -> bool:
        """Whether so much waits, or something has for so long, that to put long tickets off would
        only hold them back.
        """
        return (
            self._backlog.waiting_count >= SATURATED_TICKETS * self._workers
            or now - self._waiting_since > SATURATED_SECONDS
        )
