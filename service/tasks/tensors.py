"""The model itself, for callers who tokenise on their own: rows of token ids to logits."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.runtime.sequence import Ids, Sequence
from service.runtime.session import Logits
from service.tasks.errors import InputError
from service.tasks.task import Prepared

PADDING_LOGIT = -10_000.0
"""Start and end logits of padding, which the model never sees: no softmax leaves anything of it."""


@dataclass(frozen=True, slots=True, eq=False)
class TensorsRequest:
    """Rows padded on the right: int64 arrays ``[rows, tokens]``, none empty, of no more tokens than
    the model takes.

    Without ``attention_mask`` nothing is padding; without ``token_type_ids`` all are 0.
    """

    input_ids: Ids
    attention_mask: Ids | None = None
    token_type_ids: Ids | None = None


class TensorsTask:
    """Runs one model on rows as they are. ``per_token``: its outputs have a logit for each token,
    and not for each label.
    """

    def __init__(self, *, vocabulary: int, token_types: int, per_token: bool) -> None:
        self._vocabulary = vocabulary
        self._token_types = token_types
        self._per_token = per_token

    def characters(self, request: TensorsRequest) -> int:
        """None: there is no text, and what there is costs little to prepare."""
        return 0

    def estimate_lengths(self, request: TensorsRequest) -> list[int]:
        """The rows' lengths in tokens, exactly if the mask is one."""
        rows, tokens = request.input_ids.shape
        if request.attention_mask is None:
            return [tokens] * rows
        lengths: list[int] = np.count_nonzero(request.attention_mask, axis=1).tolist()
        return lengths

    def prepare(self, request: TensorsRequest) -> Prepared[TensorsRequest]:
        """A row for each row. Raises InputError: a mask is not ones and then zeros, or an id is not
        one of the model's.
        """
        ids, mask, types = request.input_ids, request.attention_mask, request.token_type_ids
        mask = np.ones_like(ids) if mask is None else mask
        types = np.zeros_like(ids) if types is None else types
        _check_mask(mask)
        real = mask == 1
        _check_range(ids, real, self._vocabulary, "input_ids")
        _check_range(types, real, self._token_types, "token_type_ids")
        sequences = [
            Sequence(ids[row, :length], types[row, :length])
            for row, length in enumerate(real.sum(axis=1).tolist())
        ]
        return Prepared(sequences, request)

    def is_decoded_quickly(self, request: TensorsRequest) -> bool:
        """It always is."""
        return True

    def decode(
        self, prepared: Prepared[TensorsRequest], logits: Rows[Logits]
    ) -> list[NDArray[np.float32]]:
        """Each of the model's outputs: ``[rows, labels]``, or ``[rows, tokens]`` with
        ``PADDING_LOGIT`` in the padding.
        """
        outputs = list(zip(*logits, strict=True))
        if not self._per_token:
            return [np.stack(rows) for rows in outputs]
        shape = prepared.plan.input_ids.shape
        padded = [np.full(shape, PADDING_LOGIT, dtype=np.float32) for _ in outputs]
        for array, rows in zip(padded, outputs, strict=True):
            for index, row in enumerate(rows):
                array[index, : len(row)] = row
        return padded


def _check_mask(mask: Ids) -> None:
    is_mask = (mask[:, 0] == 1) & (mask >= 0).all(axis=1)
    is_mask &= (mask[:, 1:] <= mask[:, :-1]).all(axis=1)
    if not is_mask.all():
        raise InputError(
            "The mask of a row must be ones, at least one, and then zeros up to its end: "
            "padding is on the right.",
            index=int(np.argmin(is_mask)),
            field="attention_mask",
        )


def _check_range(values: Ids, real: NDArray[np.bool_], end: int, field: str) -> None:
    wrong = ((values < 0) | (values >= end)) & real
    if wrong.any():
        row, token = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise InputError(
            f"Token {token} of the row is {values[row, token]} and must be from 0 to {end - 1}.",
            index=int(row),
            field=field,
        )
