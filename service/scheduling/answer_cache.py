"""Logits of sequences that were run before, a bounded number of them."""

from collections import OrderedDict

from service.runtime.session import Logits

Key = tuple[str, bytes]
"""A model's name and a sequence's fingerprint."""


class AnswerCache:
    """The ``entries`` most recently used rows; none for 0. Owned by the scheduler.

    A model is deterministic and its rows do not depend on their batch, so that a row from the cache
    is what a run would give.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._rows: OrderedDict[Key, Logits] = OrderedDict()

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._entries > 0

    def get(self, key: Key) -> Logits | None:
        """The row, which now counts as used."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def put(self, key: Key, row: Logits) -> None:
        """Keep a copy of the row: it is a view of its whole batch. The least recently used goes."""
        self._rows[key] = tuple(output.copy() for output in row)
        self._rows.move_to_end(key)
        if len(self._rows) > self._entries:
            self._rows.popitem(last=False)
