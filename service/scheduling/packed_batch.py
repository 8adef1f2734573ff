"""Which waiting rows go into the next batch of a model that packs: a pure function of lengths.

Where the graph computes nothing but attention at padded positions, rows of any lengths may go
together, so a batch is filled in the order of turns and not with like lengths. What attention is
padded by is left to the predicted cost: it says how long the longest row may be, and which rows
that one pads too much. Who is left out is soon the first, which every batch has.
"""

from collections.abc import Sequence
from typing import NamedTuple

from service.scheduling.batch_limits import Cost

PADDED_SHARE = 0.5
"""Largest share of padding in rows times padded length: a bound for the memory and the time of
attention. Which batch is worth its padding is for the predicted cost to say.
"""

WINDOW_BATCHES = 4
"""Full ones, of which the rows of one batch are chosen: who is behind them is not taken before.
Simulated (docs/decisions/scheduling.md)."""

NEARLY = 0.003
"""By how much dearer a token may be in a batch that is taken for its longest row. Simulated
(docs/decisions/scheduling.md)."""


class _Filled(NamedTuple):
    """A batch by the places of its rows, and its predicted seconds for each token."""

    seconds_per_token: float
    places: list[int]


def plan_packed_batch(lengths: Sequence[int], tokens: int, cost: Cost) -> list[int]:
    """The places in ``lengths`` of the rows to take, ascending, the first among them.

    ``lengths`` (tokens, at least one row) are those of the rows that wait, in the order of their
    turns; the first ``WINDOW_BATCHES`` times ``tokens`` tokens of them are enough. The batch has at
    most so many ``tokens``, but that a single longer row goes alone, and at most ``PADDED_SHARE``
    padding.

    For each length that the longest row might have, the batch is filled in order of turns with the
    rows that make a token of it no dearer: a short row that a long one pads may. Of these and the
    first row alone, the one is taken whose tokens are predicted to run fastest; or where others are
    ``NEARLY`` as fast, that with the longest row, which would wait longest otherwise.
    """
    first = lengths[0]
    longest_rows = sorted({length for length in lengths if length >= first})
    filled = [
        _Filled(cost(1, first, first) / first, [0]),
        *(_filled(lengths, longest, tokens, cost) for longest in longest_rows),
    ]
    enough = min(filled).seconds_per_token * (1 + NEARLY)
    return [batch for batch in filled if batch.seconds_per_token <= enough][-1].places


def _filled(lengths: Sequence[int], longest: int, tokens: int, cost: Cost) -> _Filled:
    """The first row, and each after it that still fits, is not over ``longest`` and makes no token
    dearer.
    """
    places, real, padded_length = [0], lengths[0], lengths[0]
    seconds = cost(1, real, real)
    for place, length in enumerate(lengths):
        if place == 0 or length > longest or real + length > tokens:
            continue
        is_longest = length > padded_length
        padded = (len(places) + 1) * max(padded_length, length)
        if padded * (1 - PADDED_SHARE) > real + length:
            continue
        more = cost(len(places) + 1, max(padded_length, length), real + length)
        if is_longest or more * real <= seconds * (real + length):
            places.append(place)
            real += length
            padded_length = max(padded_length, length)
            seconds = more
    return _Filled(seconds / real, places)
