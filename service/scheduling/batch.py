"""The run that a ticket begins: which others go with it, and how far."""

from math import inf

from service.scheduling.packed_batch import WINDOW_BATCHES, plan_packed_batch
from service.scheduling.padded_batch import plan_padded_batch
from service.scheduling.patience import patience_of
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.turns import Turns

STEP_SECONDS = 0.02
"""Predicted, that a run of a few layers takes, after which others may go on or begin. Beside its
layers each costs some 0.3 ms."""

WIDE_STEP_SECONDS = 0.06
"""The same of a lone row on every core, predicted for one: on two it is over in half to two thirds
of that. So one of up to SHORT_TOKENS goes through all layers at once."""

SHORTEST_SECONDS = 1e-6
"""Of a layer."""


def batch_around(anchor: Ticket, turns: Turns, now: float) -> list[Ticket]:
    """``anchor``, whose turn it is, and what goes with it of what waits in its line.

    Where not too much waits, nobody goes with others who would be late for it.
    """
    line = anchor.line
    limits = turns.limits_for(line)
    if line.executor.packs:
        ahead = turns.ahead(line, WINDOW_BATCHES * limits.tokens)
        crowded = turns.is_crowded(line.priority)
        tickets = [anchor, *(ticket for ticket in ahead if ticket is not anchor)]
        if crowded:
            tickets = [ticket for ticket in tickets if ticket.layers_left == anchor.layers_left]
        lengths = [ticket.sequence.length for ticket in tickets]
        patience = [inf if crowded else patience_of(ticket, now) for ticket in tickets]
        places = plan_packed_batch(lengths, limits.tokens, line.predict, patience)
        return [tickets[place] for place in places]
    plan = plan_padded_batch(anchor.sequence.length, line.lengths, limits, line.predict)
    return [
        ticket for length, count in plan.items() for ticket in line.first(length, count, anchor)
    ]


def layers_for(tickets: list[Ticket], *, crowded: bool, wide: bool) -> int:
    """How many layers of these are run before others may go on or begin: where too much waits
    (``crowded``), all that all of them have before them, but of bulk, which makes way at each step.
    ``wide``: on every core.
    """
    line = tickets[0].line
    left = min(ticket.layers_left for ticket in tickets)
    if left == 1 or (crowded and line.priority is Priority.INTERACTIVE):
        return left
    lengths = [ticket.sequence.length for ticket in tickets]
    seconds = line.predict(len(lengths), max(lengths), sum(lengths)) / line.executor.layers
    step = WIDE_STEP_SECONDS if wide else STEP_SECONDS
    return max(1, min(left, round(step / max(seconds, SHORTEST_SECONDS))))
