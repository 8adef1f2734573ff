"""Which waiting lengths go into the next batch: a pure function of the lengths.

Padding is what batching costs on a CPU: the rows of a batch must be of like length. The batch is
built around one anchor (the ticket that is due first) from its nearest neighbours in length, while
padding and padded tokens stay within limits.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one run may be.

    ``padded_tokens``: rows times padded length, except that a single longer row runs alone.
    ``waste``: largest share of padding among the padded tokens, 0 to 1.
    """

    padded_tokens: int
    waste: float = 0.10


def plan_batch(anchor: int, waiting: Mapping[int, int], limits: BatchLimits) -> dict[int, int]:
    """Rows to take of each length, the anchor among them.

    ``waiting`` maps a length in tokens to the number of rows of that length that wait (the anchor
    counted); the result maps lengths to how many of them to take. It is never empty, takes no more
    than waits, and keeps to ``limits``.
    """
    plan = {anchor: 1}
    rows, real, longest = 1, anchor, anchor
    lengths = sorted(waiting)
    below = bisect_left(lengths, anchor)
    above = below + 1
    candidate: int | None = anchor
    while candidate is not None:
        left = waiting[candidate] - plan.get(candidate, 0)
        padded_length = max(longest, candidate)
        taken = 0
        while taken < left:
            padded = (rows + 1) * padded_length
            if padded > limits.padded_tokens or padded - real - candidate > limits.waste * padded:
                break
            rows, real, longest = rows + 1, real + candidate, padded_length
            taken += 1
        if taken:
            plan[candidate] = plan.get(candidate, 0) + taken
        if taken < left:
            # No further row of this length fits; one farther away on the same side pads more, so
            # that side is done.
            if candidate <= anchor:
                below = 0
            if candidate >= anchor:
                above = len(lengths)
        candidate, below, above = _nearest(anchor, lengths, below, above)
    return plan


def _nearest(
    anchor: int, lengths: list[int], below: int, above: int
) -> tuple[int | None, int, int]:
    """The next untried length closest to the anchor, and the two cursors behind and before it."""
    lower = lengths[below - 1] if below > 0 else None
    higher = lengths[above] if above < len(lengths) else None
    if lower is None and higher is None:
        return None, below, above
    if higher is None or (lower is not None and anchor - lower <= higher - anchor):
        return lower, below - 1, above
    return higher, below, above + 1
