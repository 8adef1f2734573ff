"""Which submissions wait for which tickets, and what becomes of both."""

from service.runtime.session import Logits
from service.scheduling.backlog import Backlog, Sum
from service.scheduling.errors import DeadlineExceededError
from service.scheduling.runs import RunsInProgress
from service.scheduling.ticket import Submission, Ticket
from service.scheduling.turns import Turns


class Claims:
    """Settles each submission once: answered, failed, or forgotten. A ticket that nobody claims any
    more waits no longer, and a run of such tickets alone is stopped. Owned by the scheduler, used
    under its lock.
    """

    def __init__(self, backlog: Backlog, runs: RunsInProgress, turns: Turns) -> None:
        self._backlog = backlog
        self._runs = runs
        self._turns = turns

    def add(self, ticket: Ticket) -> None:
        """Let a new ticket wait."""
        self._turns.wait(ticket)
        self._sum_of(ticket).add(ticket.cost_seconds)
        ticket.line.add(ticket)

    def take_out(self, ticket: Ticket) -> None:
        """Let ``ticket`` wait no longer. It is still in flight."""
        ticket.waiting = False
        ticket.line.remove(ticket)
        self._sum_of(ticket).remove(ticket.cost_seconds)

    def bring_forward(self, ticket: Ticket, due: float, *, takes_room: bool) -> None:
        """Let ``ticket``, which waits, be due earlier than it was: of a giant request, it may be
        that of a small one too.
        """
        self.take_out(ticket)
        ticket.due, ticket.takes_room, ticket.waiting = due, takes_room, True
        self.add(ticket)

    @staticmethod
    def claim(ticket: Ticket, submission: Submission, index: int) -> None:
        """Have ``ticket``, which waits or runs, answer the row ``index`` of ``submission`` too."""
        submission.tickets.append(ticket)
        ticket.claims.setdefault(submission, []).append(index)
        if ticket.started is not None and submission.first_started is None:
            submission.first_started = submission.admitted

    def answer(
        self, submission: Submission, indices: list[int], answer: Logits | Exception, now: float
    ) -> bool:
        """Write the answer to these rows down. Whether the submission is answered, or failed, by
        it.
        """
        if submission.settled:
            return False
        if isinstance(answer, Exception):
            self.fail(submission, answer)
            return True
        for index in indices:
            submission.rows[index] = answer
        submission.unanswered -= len(indices)
        if submission.unanswered:
            return False
        submission.settled = True
        submission.last_finished = now
        submission.tickets = []  # they point back at it, a cycle for the gc
        return True

    def expire(self, ticket: Ticket, now: float) -> list[Submission]:
        """The submissions that this ticket can no longer answer in time, refused."""
        end = now + ticket.cost_seconds
        late = [submission for submission in ticket.claims if end > submission.deadline]
        for submission in late:
            self.fail(
                submission, DeadlineExceededError("The deadline passed while the request waited.")
            )
        return late

    def fail(self, submission: Submission, error: Exception) -> None:
        """Settle it with an error."""
        submission.error = error
        submission.settled = True
        self.withdraw(submission)

    def withdraw(self, submission: Submission) -> None:
        """Take its claims away."""
        for ticket in submission.tickets:
            ticket.claims.pop(submission, None)
            if ticket.claims:
                continue
            if ticket.waiting:
                self.take_out(ticket)
                ticket.line.forget(ticket)
            else:
                self._stop_if_unwanted(ticket)
        submission.tickets = []
        self._turns.sweep()

    def _stop_if_unwanted(self, ticket: Ticket) -> None:
        """End the run of a ticket when nobody waits for any of its rows."""
        run = self._runs.of(ticket)
        if run is None or any(each.claims for each in run.tickets):
            return
        run.stop.stop()
        for each in run.tickets:  # nobody may join them now
            each.line.forget(each)

    def _sum_of(self, ticket: Ticket) -> Sum:
        lane = self._backlog.lanes[ticket.line.priority]
        return lane.waiting if ticket.takes_room else lane.waiting_excess
