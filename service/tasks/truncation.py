"""What is read of a text that is longer than the model takes."""

from enum import StrEnum

from service.tasks.errors import InputError
from service.tasks.tokenization import TextWindow
from service.tasks.windows import windows

WINDOW_OVERLAP_TOKENS = 64
"""Tokens that neighbouring windows of a long text share, or a quarter of the window when that is
less.
"""


class Truncation(StrEnum):
    """All of it in windows that overlap, its beginning, its end, or nothing."""

    WINDOW = "window"
    RIGHT = "right"
    LEFT = "left"
    ERROR = "error"


def cut(
    length: int, capacity: int, truncation: Truncation, index: int, field: str
) -> list[TextWindow]:
    """The windows, of at most ``capacity`` tokens, of a text of ``length`` tokens that input
    ``index`` has as ``field``. Raises InputError where truncation is refused.
    """
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
            overlap = min(WINDOW_OVERLAP_TOKENS, capacity // 4)
            return [TextWindow(field, *part) for part in windows(length, capacity, overlap)]
