"""The batch that a ticket begins."""

from service.scheduling.packed_batch import WINDOW_BATCHES, plan_packed_batch
from service.scheduling.padded_batch import plan_padded_batch
from service.scheduling.ticket import Ticket
from service.scheduling.turns import Turns


def batch_around(anchor: Ticket, turns: Turns, now: float) -> list[Ticket]:
    """``anchor``, whose turn it is, and what goes with it of what waits in its line."""
    line = anchor.line
    limits = turns.limits_for(line, now)
    if line.executor.packs:
        ahead = turns.ahead(line, WINDOW_BATCHES * limits.tokens, now)
        tickets = [anchor, *(ticket for ticket in ahead if ticket is not anchor)]
        lengths = [ticket.sequence.length for ticket in tickets]
        return [tickets[place] for place in plan_packed_batch(lengths, limits.tokens, line.predict)]
    plan = plan_padded_batch(anchor.sequence.length, line.lengths, limits, line.predict)
    return [
        ticket for length, count in plan.items() for ticket in line.first(length, count, anchor)
    ]
