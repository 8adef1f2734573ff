"""Which waiting lengths go into the next batch of a model that pads: a pure function of the
lengths.

Padding is what batching costs on a CPU, where the graph computes all of it. So the rows of a batch
must be of like length. The batch is built around one anchor (the ticket that is due first). For
each length that the longest row could have, the batch is filled from there downwards; of all these
the one is taken that is predicted to run its real tokens fastest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from service.scheduling.batch_limits import BatchLimits, Cost


class _Candidate(NamedTuple):
    """A batch, and its predicted seconds for each real token."""

    seconds_per_token: float
    plan: dict[int, int]


def plan_padded_batch(
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
    highest = anchor + limits.tokens * limits.waste
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
    most = limits.tokens // longest
    if longest > anchor and most < 2:
        return best
    least = longest * (1 - limits.waste)  # real tokens that each row must bring on average
    rows, surplus, real = 1, anchor - least, anchor
    plan = {anchor: 1}
    for length in reversed(lengths):
        left = waiting[length] - (length == anchor)
        fits = taken = min(left, max(0, most - rows))
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
        if taken < fits or rows >= most:
            break  # what follows pads even more, or there is no room
    return best
