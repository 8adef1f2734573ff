"""Changes to the surface of a text that must not change what a model makes of it."""

import random
import re
from collections.abc import Iterable

from training.behaviour.templates import number_of

_LONG_WORD = re.compile(r"[A-Za-z]{5,}")
_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o",
    "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc",
    "y": "tu", "z": "x",
}  # fmt: skip
"""Letters beside each letter in its row of a QWERTY keyboard."""


def slipped_pairs(texts: Iterable[str], slips: int) -> list[tuple[str, str]]:
    """Each text beside itself with slips, where it has words that are long enough for them."""
    pairs = [(text, with_slips(text, slips)) for text in texts]
    return [(text, slipped) for text, slipped in pairs if slipped != text]


def with_slips(text: str, slips: int) -> str:
    """The text with typing errors of one letter in ``slips`` of its words of five or more letters.

    The first letter of a word stays, as it mostly does when people mistype. Of the same text the
    same slips are made every time.
    """
    draw = random.Random(number_of(text))
    words = [match.span() for match in _LONG_WORD.finditer(text)]
    for first, last in sorted(draw.sample(words, min(slips, len(words))), reverse=True):
        text = text[:first] + _slip(text[first:last], draw) + text[last:]
    return text


def _slip(word: str, draw: random.Random) -> str:
    """Two letters swapped, one left out, one doubled, or one hit beside."""
    place = draw.randrange(1, len(word) - 1)
    before, letter, following = word[:place], word[place], word[place + 1 :]
    swapped = before + following[0] + letter + following[1:]
    beside = draw.choice(_NEIGHBOURS[letter.lower()])
    slips = [before + following, before + letter + letter + following, before + beside + following]
    if swapped != word:
        slips.append(swapped)
    return draw.choice(slips)
