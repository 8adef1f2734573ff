"""Cuts what is too long into windows that overlap."""


def count_windows(length: int, capacity: int, overlap: int) -> int:
    """How many ranges ``windows`` gives."""
    step = capacity - overlap
    if step <= 0 or overlap < 0:
        raise ValueError(f"windows of {capacity} tokens cannot overlap by {overlap}")
    return 1 + max(0, -((capacity - length) // step))


def windows(length: int, capacity: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open token ranges that cover ``0 … length``, each of at most ``capacity`` tokens,
    neighbours sharing ``overlap``.

    The first starts at 0, each next one ``capacity - overlap`` later, and the last ends at
    ``length``, as in the truncation with overflow of Hugging Face's tokenizers. ``0 <= overlap <
    capacity``. An empty text has one empty window.
    """
    step = capacity - overlap
    starts = [number * step for number in range(count_windows(length, capacity, overlap))]
    return [(start, min(start + capacity, length)) for start in starts]
