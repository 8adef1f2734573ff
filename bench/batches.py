"""Texts sorted by length into batches: a pure function of the lengths."""

from collections.abc import Sequence


def sorted_batches(lengths: Sequence[int], padded_tokens: int) -> list[list[int]]:
    """Positions in ``lengths`` (tokens) grouped so that rows times longest row stays within
    ``padded_tokens``.

    The longest come first, so that no thread starts a long run while the others have nothing left
    to do. A row that is longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda position: -lengths[position]):
        current = batches[-1] if batches else None
        if current and (len(current) + 1) * lengths[current[0]] <= padded_tokens:
            current.append(position)
        else:
            batches.append([position])
    return batches


def single_batches(lengths: Sequence[int]) -> list[list[int]]:
    """Every text alone, in the order in which it came."""
    return [[position] for position in range(len(lengths))]
