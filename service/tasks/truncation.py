"""What is read of a text that is longer than the model takes."""

from enum import StrEnum

from service.tasks.errors import InputError
from service.tasks.tokenization import TextWindow
from service.tasks.window_limit import WindowLimit
from service.tasks.windows import count_windows, windows

WINDOW_OVERLAP_TOKENS = 64
"""Tokens that neighbouring windows of a long text share, or a quarter of the window when that is
less.
"""

FEWER_WINDOWS = "send fewer or shorter texts in one request"


class Truncation(StrEnum):
    """All of it in windows that overlap, its beginning, its end, or nothing."""

    WINDOW = "window"
    RIGHT = "right"
    LEFT = "left"
    ERROR = "error"


def cut(
    length: int,
    capacity: int,
    truncation: Truncation,
    index: int,
    field: str,
    limit: WindowLimit,
) -> list[TextWindow]:
    """The windows, of at most ``capacity`` tokens, of a text of ``length`` tokens that input
    ``index`` has as ``field``, counted against ``limit``. Raises InputError where that is passed,
    or truncation refused.
    """
    overlap = overlap_in(capacity)
    several = truncation is Truncation.WINDOW
    count = count_windows(length, capacity, overlap) if several else 1
    limit.add(count, index=index, field=field, advice=FEWER_WINDOWS)
    if length <= capacity:
        return [TextWindow(field, 0, length)]
    match truncation:
        case Truncation.RIGHT:
            return [TextWindow(field, 0, capacity)]
        case Truncation.LEFT:
            return [TextWindow(field, length - capacity, length)]
        case Truncation.ERROR:
            raise InputError(
                f"The text has {length} tokens and the model takes {capacity} here: "
                "shorten it, or set parameters.truncation to window, right or left.",
                index=index,
                field=field,
            )
        case Truncation.WINDOW:
            return [TextWindow(field, *part) for part in windows(length, capacity, overlap)]


def overlap_in(capacity: int) -> int:
    """Tokens that neighbouring windows of ``capacity`` share."""
    return min(WINDOW_OVERLAP_TOKENS, capacity // 4)
