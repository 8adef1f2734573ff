"""One row of token ids, and the rectangle that several of them are padded to."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """Token ids of one row, special tokens included.

    ``input_ids`` and ``token_type_ids`` are int64 arrays of shape ``[length]``.
    """

    input_ids: Ids
    token_type_ids: Ids
    _fingerprint: bytes | None = field(default=None, init=False, repr=False)

    @property
    def length(self) -> int:
        """Tokens in the row."""
        return len(self.input_ids)

    def fingerprint(self) -> bytes:
        """16 bytes that identical rows share and no others: BLAKE2b of both arrays.

        Computed once, so that it can be asked for where that keeps nobody waiting.
        """
        known = self._fingerprint
        if known is None:
            digest = blake2b(self.input_ids.tobytes(), digest_size=16)
            digest.update(self.token_type_ids.tobytes())
            known = digest.digest()
            object.__setattr__(self, "_fingerprint", known)
        return known


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows padded to the longest: three int64 arrays of shape ``[rows, padded_length]``."""

    input_ids: Ids
    attention_mask: Ids
    token_type_ids: Ids

    @classmethod
    def of(cls, rows: Rows[Sequence], pad_token_id: int) -> "Batch":
        """Pad ``rows`` (at least one) on the right with ``pad_token_id``, masked out."""
        padded_length = max([row.length for row in rows])
        shape = (len(rows), padded_length)
        input_ids = np.full(shape, pad_token_id, dtype=np.int64)
        attention_mask = np.zeros(shape, dtype=np.int64)
        token_type_ids = np.zeros(shape, dtype=np.int64)
        for index, row in enumerate(rows):
            length = row.length
            input_ids[index, :length] = row.input_ids
            attention_mask[index, :length] = 1
            token_type_ids[index, :length] = row.token_type_ids
        return cls(input_ids, attention_mask, token_type_ids)
