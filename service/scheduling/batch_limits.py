"""What one run may be, and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass

Cost = Callable[[int, int, int], float]
"""Predicted seconds of a batch of so many rows, padded to so many tokens, with so many real tokens
in all.
"""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one run may be, except that a single longer row runs alone.

    ``tokens``: of which products are computed; the real ones where the graph packs, else rows times
    padded length. ``waste``: where it does not, the largest share of padding in those, 0 to less
    than 1.
    """

    tokens: int
    waste: float = 0.05
