"""Which batch a worker takes next, and which workers are to look for one."""

import threading
from collections.abc import Mapping

from service.scheduling.backlog import Backlog
from service.scheduling.batch import batch_around
from service.scheduling.claims import Claims
from service.scheduling.crew import Crew
from service.scheduling.priority import Priority
from service.scheduling.runs import Run, RunsInProgress
from service.scheduling.ticket import Submission, Ticket
from service.scheduling.turns import Turns, count_overtakers


class Dispatch:
    """Hands what waits out to the workers. Owned by the scheduler, used under its lock, on which
    ``woken`` wait.

    What it gives with a run are the submissions that it found to be too late on the way to it.
    """

    def __init__(
        self,
        workers: int,
        backlog: Backlog,
        runs: RunsInProgress,
        turns: Turns,
        claims: Claims,
        woken: Mapping[Crew, threading.Condition],
    ) -> None:
        self._workers = workers
        self._backlog = backlog
        self._runs = runs
        self._turns = turns
        self._claims = claims
        self._woken = woken

    def wake(self, rows: int, now: float) -> None:
        """Have workers look for so many rows that wait: those that may take them."""
        if not rows:
            return
        if not self._runs.fill(self._workers):
            first = self._turns.first(now)
            crew = Crew.ALONE if first is None else self._crew_for(first, now)
        elif self._turns.may_replace_bulk() or self._turns.overtaking(now):
            crew = Crew.FIRST
        else:
            return
        self._woken[crew].notify(min(rows, self._workers))

    def next_run(self, crew: Crew | None, now: float) -> tuple[Run | None, list[Submission]]:
        """The batch that a worker of ``crew`` takes now, of any crew if None; None if there is
        none.
        """
        expired: list[Submission] = []
        if crew is Crew.FIRST and self._runs.fill(self._workers):
            return self._overtaking_run(now, expired), expired
        for priority in self._turns.priorities():
            for anchor in self._turns.in_turn(priority, now):
                expired += self._claims.expire(anchor, now)
                if not anchor.waiting:
                    continue
                if crew is not None and crew is not (its := self._crew_for(anchor, now)):
                    # Whoever takes it may have been woken for something else before.
                    self._woken[its].notify()
                    return None, expired
                return self._begin_around(anchor, now, expired), expired
        return None, expired

    def _crew_for(self, anchor: Ticket, now: float) -> Crew:
        """Whose is the batch that it begins on a core that is free. What goes first is run by the
        others too while all threads for that are busy.
        """
        if self._runs.first_count < count_overtakers(self._workers) and self._turns.is_quick(
            anchor, now
        ):
            return Crew.FIRST
        return Crew.BESIDE if self._turns.bulk_is_here else Crew.ALONE

    def _overtaking_run(self, now: float, expired: list[Submission]) -> Run | None:
        """A batch for a core that bulk has, or else short rows that go before what runs."""
        if self._turns.may_replace_bulk():
            for anchor in self._turns.in_turn(Priority.INTERACTIVE, now):
                expired += self._claims.expire(anchor, now)
                if anchor.waiting:
                    return self._begin_around(anchor, now, expired, overtakes=True)
            return None
        for ticket in self._turns.overtaking(now):
            expired += self._claims.expire(ticket, now)
            if ticket.waiting:
                if self._turns.gathers(ticket.line):
                    return self._begin_around(ticket, now, expired, overtakes=True)
                return self._begin([ticket], now, quick=True, overtakes=True)
        return None

    def _begin_around(
        self, anchor: Ticket, now: float, expired: list[Submission], *, overtakes: bool = False
    ) -> Run | None:
        """The batch around the ticket that is due first."""
        quick = self._turns.is_quick(anchor, now)
        gathered = quick and self._turns.gathers(anchor.line)
        tickets = batch_around(anchor, self._turns, now, gathered=gathered)
        for ticket in tickets:
            expired += self._claims.expire(ticket, now)
        # Expiring one submission may have withdrawn tickets chosen before it.
        tickets = [ticket for ticket in tickets if ticket.waiting]
        return self._begin(tickets, now, quick=quick, gathered=gathered, overtakes=overtakes)

    def _begin(
        self,
        tickets: list[Ticket],
        now: float,
        *,
        quick: bool,
        gathered: bool = False,
        overtakes: bool = False,
    ) -> Run | None:
        if not tickets:
            return None
        for ticket in tickets:
            self._claims.take_out(ticket)
            ticket.started = now
            for submission in ticket.claims:
                if submission.first_started is None:
                    submission.first_started = now
        line = tickets[0].line
        lengths = [ticket.sequence.length for ticket in tickets]
        run = Run(
            line,
            tickets,
            line.predict(len(lengths), max(lengths), sum(lengths)),
            now,
            wide=gathered or (line.executor.widens and self._turns.may_be_wide(tickets)),
            quick=quick,
            overtakes=overtakes,
        )
        self._backlog.running.add(run.cost_seconds)
        self._runs.begin(run)
        self._turns.began(run)
        return run
