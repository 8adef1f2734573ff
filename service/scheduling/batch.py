"""The batch that a ticket begins."""

from service.scheduling.packed_batch import WINDOW_BATCHES, plan_packed_batch
from service.scheduling.padded_batch import plan_padded_batch
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.turns import Turns


def batch_around(anchor: Ticket, turns: Turns, now: float, *, gathered: bool) -> list[Ticket]:
    """``anchor``, whose turn it is, and what goes with it of what waits in its line. ``gathered``:
    it is short, and goes first on every core together with other short ones.
    """
    line = anchor.line
    limits = turns.gathered_limits() if gathered else turns.limits_for(line, now)
    if line.executor.packs:
        ahead = turns.ahead(line, WINDOW_BATCHES * limits.tokens, now, short=gathered)
        tickets = [anchor, *(ticket for ticket in ahead if ticket is not anchor)]
        lengths = [ticket.sequence.length for ticket in tickets]
        return [tickets[place] for place in plan_packed_batch(lengths, limits.tokens, line.predict)]
    waiting = line.lengths
    if gathered:
        waiting = {length: n for length, n in waiting.items() if length <= SHORT_TOKENS}
    plan = plan_padded_batch(anchor.sequence.length, waiting, limits, line.predict)
    return [
        ticket for length, count in plan.items() for ticket in line.first(length, count, anchor)
    ]
