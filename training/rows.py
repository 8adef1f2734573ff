"""Token rows of unlike lengths, and batches of like lengths made of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.tokenizer import PAD

POOL_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One training row.

    ``ids``: integers [tokens], special tokens included. ``second_segment``: position at which type
    ids become 1; the row's length where there is one segment. ``target``: a label, a 0 or 1 for
    each label, or the inclusive token positions of an answer's start and end.
    """

    ids: np.ndarray
    second_segment: int
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PaddedRows:
    """Rows padded on the right to the longest of them; all int64.

    ``ids``, ``mask`` and ``types`` are [rows, length]; ``targets`` is [rows, numbers of a target].
    """

    ids: np.ndarray
    mask: np.ndarray
    types: np.ndarray
    targets: np.ndarray


def pad(rows: list[Row]) -> PaddedRows:
    """Puts rows into rectangular arrays."""
    length = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), length), PAD, dtype=np.int64)
    mask = np.zeros((len(rows), length), dtype=np.int64)
    types = np.zeros((len(rows), length), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        mask[number, : len(row.ids)] = 1
        types[number, row.second_segment : len(row.ids)] = 1
    return PaddedRows(ids, mask, types, np.array([row.target for row in rows], dtype=np.int64))


def batches(rows: list[Row], padded_tokens: int, draw: np.random.Generator) -> Iterator[list[Row]]:
    """Shuffled batches of rows of like length, each of at most ``padded_tokens`` after padding.

    Rows are shuffled, sorted by length within pools of many batches, and the batches of a pool are
    shuffled again: little padding, and no long run of short rows.
    """
    order = draw.permutation(len(rows))
    usual_length = max(1, int(np.mean([len(row.ids) for row in rows])))
    pool_rows = max(1, POOL_BATCHES * padded_tokens // usual_length)
    for first in range(0, len(order), pool_rows):
        pool = sorted((rows[place] for place in order[first : first + pool_rows]), key=_length)
        cut = list(_cut(pool, padded_tokens))
        for place in draw.permutation(len(cut)):
            yield cut[place]


def _length(row: Row) -> int:
    return len(row.ids)


def _cut(ascending: list[Row], padded_tokens: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in ascending:
        if batch and len(row.ids) * (len(batch) + 1) > padded_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
