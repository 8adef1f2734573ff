"""Rows that have passed some layers of a model and not all, and how several of them lie together.

Between two layers the tokens of rows that go through together are one array [tokens, hidden size],
in the order that ``model_directory.steps`` describes.
"""

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.runtime.sequence import Sequence

Hidden = NDArray[np.float32]
"""float32 [tokens, hidden size]."""

LEAST_TOKENS = 2
"""Of each row, so many positions count as tokens even if they are padding."""


class Layout:
    """Where the tokens of rows lie that go through together. ``ends``: of each row, whether it is
    at its end then, in a model that computes no more than its first tokens there.
    """

    def __init__(self, rows: Rows[Sequence], ends: Rows[bool]) -> None:
        lengths = np.array([row.length for row in rows])[:, None]
        positions = np.arange(max(LEAST_TOKENS, lengths.max()))
        self.attention_mask: NDArray[np.int64] = (positions < lengths).astype(np.int64)
        self.ends: NDArray[np.bool_] = np.array(ends)
        self._counts = np.maximum(lengths[:, 0], LEAST_TOKENS)
        kept = (positions < self._counts[:, None]).T
        rest = kept & (positions >= LEAST_TOKENS)[:, None] & self.ends
        numbers = np.concatenate([kept & ~rest, rest]).cumsum() - 1
        front, behind = numbers.reshape(2, *kept.shape)
        self._numbers = np.where(rest, behind, front)

    @property
    def tokens(self) -> int:
        """Of all rows together."""
        return int(self._counts.sum())

    def places(self, index: int) -> NDArray[np.int64]:
        """Where the tokens of a row are in the array, int64 [tokens of the row]."""
        places: NDArray[np.int64] = self._numbers[: self._counts[index], index]
        return places


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What came out of a layer for rows that went through it together."""

    hidden: Hidden
    layout: Layout
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Halfway:
    """A row that has passed so many ``layers``, as the one of that ``index`` among others."""

    sequence: Sequence
    layers: int
    together: Together
    index: int


Row = Sequence | Halfway
"""A row that is yet to begin, or that has."""


def sequence_of(row: Row) -> Sequence:
    """The row's token ids."""
    return row.sequence if isinstance(row, Halfway) else row


def joined(rows: Rows[Halfway], layout: Layout) -> Hidden:
    """The tokens of ``rows`` as ``layout`` has them. Nothing is copied where these rows, and no
    others, went through their last layer together in this order, and none of them ends.
    """
    together = rows[0].together
    if (
        not layout.ends.any()
        and together.rows == len(rows)
        and all(row.together is together and row.index == index for index, row in enumerate(rows))
    ):
        return together.hidden
    hidden = np.empty((layout.tokens, together.hidden.shape[1]), np.float32)
    for index, row in enumerate(rows):
        places = row.together.layout.places(row.index)
        hidden[layout.places(index)] = row.together.hidden[places]
    return hidden
