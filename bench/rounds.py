"""The order of what is compared, changed from round to round."""

from collections.abc import Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


def rotated(items: Sequence[ItemT], number: int) -> list[ItemT]:
    """``items`` in the order of round ``number``: each round begins with the next one, so that
    none always runs behind the same other.
    """
    first = number % max(1, len(items))
    return [*items[first:], *items[:first]]
