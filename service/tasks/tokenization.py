"""What a request is cut into: its texts' tokens, and the windows that a model would be run on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.tasks.encoding import EncodedText


class TextWindow(NamedTuple):
    """Tokens ``first … last - 1`` of the text that an input has as ``field``."""

    field: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TokenizedInput:
    """``texts`` by their field; ``windows``, one for each row that would be run, with the row's
    length in tokens: the window's, the special ones and those of the other text.
    """

    texts: Mapping[str, EncodedText]
    windows: Sequence[tuple[TextWindow, int]]

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(length for _, length in self.windows)

    def characters(self, window: TextWindow) -> tuple[int, int]:
        """First and one-past-last code point of a window in its text."""
        if window.first == window.last:
            return 0, 0
        return self.texts[window.field].characters(window.first, window.last - 1)
