"""How long who asks may have to wait: when each ticket is due, and until when it can make way."""

from math import inf

from service.scheduling.cost import CostModel
from service.scheduling.ticket import SHORT_TOKENS, Ticket

SHORT_RUNS = 2.75
"""Of its own, alone on a core, in which a short sequence should be answered; of a longer one, so
many of one of SHORT_TOKENS, and what it takes beyond that.
"""

LATER_RUNS, MOST_LATER_RUNS = 15.0, 18.0
"""How much later a long sequence is due: so many times what it takes beyond one of SHORT_TOKENS, at
most so many runs of that. All three were simulated at 50 to 90 % load (docs/simulation.md).
"""


def due_after(cost_seconds: float, cost: CostModel) -> float:
    """Seconds in which a sequence whose run alone takes ``cost_seconds`` should be answered."""
    short = cost.predict(1, SHORT_TOKENS)
    beyond = max(0.0, cost_seconds - short)
    later = min(LATER_RUNS * beyond, MOST_LATER_RUNS * short)
    return SHORT_RUNS * (cost_seconds - beyond) + beyond + later


LEAST_PATIENCE_SECONDS = 0.02
"""Nobody notices less: batches of a model that runs in milliseconds are not small for it."""


def patience_of(ticket: Ticket, now: float) -> float:
    """Predicted seconds, of a run of all layers: beside rows with which it takes no longer the
    ticket gets through what it has before it until it is due. Whoever cannot be in time even alone
    has all the patience.
    """
    patience = (ticket.due - now) / ticket.share_left
    return inf if patience < ticket.cost_seconds else max(patience, LEAST_PATIENCE_SECONDS)
