"""Which waiting lengths go into the next batch: a pure function of the lengths.

Padding is what batching costs on a CPU: the rows of a batch must be of like length. The batch is
built around one anchor (the ticket that is due first). For each length that the longest row could
have, the batch is filled from there downwards; of all these the one is taken that is predicted to
run its real tokens fastest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Cost = Callable[[int, int], float]
"""Predicted seconds of a batch of so many rows, padded to so many tokens."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one run may be.

    ``padded_tokens``: rows times padded length, except that a single longer row runs alone.
    ``waste``: largest share of padding among the padded tokens, 0 to 1.
    """

    padded_tokens: int
    waste: float = 0.05


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
    best = _Candidate(cost(1, anchor) / anchor, {anchor: 1})
    # A row longer than this would pad the anchor by more than a whole batch may be padded.
    highest = anchor + limits.waste * limits.padded_tokens
    first, last = bisect_left(lengths, anchor), bisect_right(lengths, highest)
    for top in range(first, last):
        for candidate in _filled(anchor, lengths[: top + 1], waiting, limits, cost):
            if candidate.seconds_per_token <= best.seconds_per_token:
                best = candidate
    return best.plan


def _filled(
    anchor: int,
    lengths: list[int],
    waiting: Mapping[int, int],
    limits: BatchLimits,
    cost: Cost,
) -> list[_Candidate]:
    """The batches of the anchor and the longest of ``lengths`` (ascending), one for each length at
    which filling may end.
    """
    longest = lengths[-1]
    room = limits.padded_tokens // longest
    if longest > anchor and room < 2:
        return []
    least = longest * (1 - limits.waste)  # real tokens that each row must bring on average
    rows, surplus, real = 1, anchor - least, anchor
    plan = {anchor: 1}
    found = []
    for length in reversed(lengths):
        left = waiting[length] - (length == anchor)
        taken = min(left, room - rows)
        if length < least:
            taken = min(taken, int(surplus / (least - length)))
        if taken > 0:
            rows, surplus, real = (
                rows + taken,
                surplus + taken * (length - least),
                real + taken * length,
            )
            plan[length] = plan.get(length, 0) + taken
            if surplus >= 0:
                found.append(_Candidate(cost(rows, longest) / real, dict(plan)))
        if rows >= room or (taken < left and length < least):
            break  # no room, or what follows pads even more
    return found
