"""Cuts what is too long into windows that overlap."""


def windows(length: int, capacity: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open token ranges that cover ``0 … length``, each of at most ``capacity`` tokens,
    neighbours sharing ``overlap``.

    The first starts at 0, each next one ``capacity - overlap`` later, and the last ends at
    ``length``, as in the truncation with overflow of Hugging Face's tokenizers. ``0 <= overlap <
    capacity``. An empty text has one empty window.
    """
    step = capacity - overlap
    if step <= 0 or overlap < 0:
        raise ValueError(f"windows of {capacity} tokens cannot overlap by {overlap}")
    ranges = [(0, min(capacity, length))]
    while ranges[-1][1] < length:
        start = ranges[-1][0] + step
        ranges.append((start, min(start + capacity, length)))
    return ranges
