"""Which waiting lengths go into the next batch: a pure function of the lengths.

Padding is what batching costs on a CPU. Where the graph computes products at padded positions too,
the rows of a batch must be of like length; where it leaves them out, so that only attention is
padded, hardly. The batch is built around one anchor (the ticket that is due first). For each length
that the longest row could have, the batch is filled from there downwards; of all these the one is
taken that is predicted to run its real tokens fastest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Cost = Callable[[int, int, int], float]
"""Predicted seconds of a batch of so many rows, padded to so many tokens, with so many real tokens
in all.
"""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one run may be.

    ``tokens``: of which products are computed, except that a single longer row runs alone: real
    ones if ``packed``, else rows times padded length. ``waste``: largest share of padding in rows
    times padded length, 0 to less than 1.
    """

    tokens: int
    waste: float = 0.05
    packed: bool = False

    def room(self, longest: int, rows: int, real: int, length: int) -> int:
        """How many rows of ``length`` fit beside ``rows`` rows of ``real`` tokens in all."""
        if self.packed:
            return max(0, self.tokens - real) // length
        return max(0, self.tokens // longest - rows)

    @property
    def most_padding(self) -> float:
        """Padded positions in one run."""
        return self.tokens * self.waste / (1 - self.waste if self.packed else 1)


class _Candidate(NamedTuple):
    """A batch, and its predicted seconds for each real token."""

    seconds_per_token: float
    plan: dict[int, int]


def plan_batch(
    anchor: int, waiting: Mapping[int, int], limits: BatchLimits, cost: Cost
) -> dict[int, int]:
    """Rows to take of each length, the anchor among them.

    ``waiting`` maps a length in tokens to the number of rows of that length that wait (the anchor
    counted); the result maps lengths to how many of them to take. It is never empty, takes no more
    than waits, and keeps to ``limits``.
    """
    lengths = sorted(waiting)
    best = _Candidate(cost(1, anchor, anchor) / anchor, {anchor: 1})
    # A row longer than this would pad the anchor by more than a whole batch may be padded.
    highest = anchor + limits.most_padding
    first, last = bisect_left(lengths, anchor), bisect_right(lengths, highest)
    for top in range(first, last):
        best = _filled(anchor, lengths[: top + 1], waiting, limits, cost, best)
    return best.plan


def _filled(
    anchor: int,
    lengths: list[int],
    waiting: Mapping[int, int],
    limits: BatchLimits,
    cost: Cost,
    best: _Candidate,
) -> _Candidate:
    """The best of the batches of the anchor and the longest of ``lengths`` (ascending), one for
    each length at which filling may end, and of ``best``.
    """
    longest = lengths[-1]
    if longest > anchor and not limits.room(longest, 1, anchor, longest):
        return best
    least = longest * (1 - limits.waste)  # real tokens that each row must bring on average
    rows, surplus, real = 1, anchor - least, anchor
    plan = {anchor: 1}
    for length in reversed(lengths):
        left = waiting[length] - (length == anchor)
        fits = taken = min(left, limits.room(longest, rows, real, length))
        if length < least:
            taken = min(fits, int(surplus / (least - length)))
        if taken > 0:
            rows, surplus, real = (
                rows + taken,
                surplus + taken * (length - least),
                real + taken * length,
            )
            plan[length] = plan.get(length, 0) + taken
            if surplus >= 0:
                seconds_per_token = cost(rows, longest, real) / real
                if seconds_per_token <= best.seconds_per_token:
                    best = _Candidate(seconds_per_token, dict(plan))
        if taken < fits or not limits.room(longest, rows, real, lengths[0]):
            break  # what follows pads even more, or there is no room
    return best
