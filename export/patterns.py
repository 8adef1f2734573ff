"""Bounds the time that a tokenizer's regular expressions can take, on any text.

tokenizers matches with Oniguruma (https://github.com/kkos/oniguruma/blob/master/doc/RE), which
backtracks: at each place of a text it tries the ways of a pattern one by one. An open-ended
repetition, as in `` {2,}``, has as many ways as there are characters left, which is tolerable;
another one behind it multiplies them, and ``(a+)+`` has more than can ever be tried. So the ways
are counted from above before a pattern is used. What the count does not understand is refused: no
tokenizer of an ALBERT has it.
"""

import math
import re
from dataclasses import dataclass, field
from functools import reduce

from export.errors import ExportRefusedError

_MOST_CHARACTERS = 200_000
_MOST_WAYS = 100_000
_MOST_WAYS_BESIDE_OPEN_END = 100  # GPT-2's pattern, which many tokenizers have, has 15

_ESCAPE = (
    r"\\(?:[aAbBdDefGhHKnrsStvwWzZ]|[pP]\{[^{}]+\}|x\{[0-9A-Fa-f]+\}|[xu][0-9A-Fa-f]+|[^0-9A-Za-z])"
)
_SET = r"(?P<set>\[(?!\^?\])\^?)"
_PART = re.compile(
    rf"(?P<single>{_ESCAPE}|\{{(?!\d|,\d)|[^\\()|*+?{{\[])|{_SET}"
    r"|(?P<group>\((?:\?(?:[:=!>]|<[=!]|[im]+:))?)|(?P<end>\))|(?P<alternative>\|)"
    r"|(?P<repetition>(?P<sign>[*+?])[?+]?"
    r"|\{(?P<least>\d{0,6})(?:(?P<comma>,)(?P<most>\d{0,6}))?\}(?P<lazy>\??))",
    re.DOTALL | re.ASCII,
)
_PART_OF_SET = re.compile(rf"{_ESCAPE}|\[:\^?\w+:\]|{_SET}|(?P<end>\])|[^\\\[]", re.DOTALL)


def check_pattern(pattern: str) -> None:
    """ExportRefusedError if the pattern can try too many ways at one place of a text."""
    if len(pattern) > _MOST_CHARACTERS:
        raise ExportRefusedError("tokenizer.json has an absurdly long pattern")
    ways = _ways(pattern)
    most = _MOST_WAYS_BESIDE_OPEN_END if ways.open_ends else _MOST_WAYS
    if ways.open_ends > 1 or ways.number > most:
        raise _explosive(pattern)


@dataclass(frozen=True, slots=True)
class _Ways:
    """How many ways there are to match: ``number`` times the text's length to ``open_ends``."""

    number: int = 1
    open_ends: int = 0

    def then(self, other: "_Ways") -> "_Ways":
        """Return the ways of both, one behind the other."""
        return _Ways(self.number * other.number, self.open_ends + other.open_ends)

    def otherwise(self, other: "_Ways") -> "_Ways":
        """Return the ways of either."""
        return _Ways(self.number + other.number, max(self.open_ends, other.open_ends))


@dataclass(slots=True)
class _Group:
    """What has been read of a group: whole alternatives, and the parts of the last one."""

    alternatives: _Ways = _Ways(0)
    parts: list[_Ways] = field(default_factory=list)
    can_repeat: bool = False

    def add(self, part: _Ways) -> None:
        """Put a part behind the others, which a repetition behind it repeats."""
        self.parts.append(part)
        self.can_repeat = True

    def end_alternative(self) -> _Ways:
        """Return the ways of all alternatives up to here."""
        self.alternatives = self.alternatives.otherwise(reduce(_Ways.then, self.parts, _Ways()))
        self.parts, self.can_repeat = [], False
        return self.alternatives

    def repeat(self, repetition: re.Match[str], pattern: str) -> None:
        """Repeat the last part, which then cannot be repeated again."""
        least, most = _times(repetition)
        if not self.can_repeat or (most > 1 and self.parts[-1] != _Ways()):
            raise _explosive(pattern)
        part, self.can_repeat = self.parts.pop(), False
        if repetition[0][1:] == "+":  # possessive: it gives back nothing of what it took
            self.parts.append(part)
        elif most == math.inf:
            self.parts.append(_Ways(1, 1))
        else:
            self.parts.append(_Ways(part.number + int(abs(most - least)), part.open_ends))


def _ways(pattern: str) -> _Ways:
    groups, position = [_Group()], 0
    while position < len(pattern):
        part = _part(_PART, pattern, position)
        position = part.end()
        match part.lastgroup:
            case "group":
                groups.append(_Group())
            case "end" if len(groups) > 1:
                ways = groups.pop().end_alternative()
                groups[-1].add(ways)
            case "alternative":
                groups[-1].end_alternative()
            case "repetition":
                groups[-1].repeat(part, pattern)
            case "set":
                position = _end_of_set(pattern, position)
                groups[-1].add(_Ways())
            case "single":
                groups[-1].add(_Ways())
            case _:
                raise _unclear(pattern, part.start())
    if len(groups) > 1:
        raise _unclear(pattern, position)
    return groups[0].end_alternative()


def _end_of_set(pattern: str, position: int) -> int:
    """Return where the set ends whose beginning is just before ``position``; sets can nest."""
    depth = 1
    while depth:
        part = _part(_PART_OF_SET, pattern, position)
        depth += {"set": 1, "end": -1}.get(part.lastgroup or "", 0)
        position = part.end()
    return position


def _part(kinds: re.Pattern[str], pattern: str, position: int) -> re.Match[str]:
    found = kinds.match(pattern, position)
    if found is None:
        raise _unclear(pattern, position)
    return found


def _times(repetition: re.Match[str]) -> tuple[int, float]:
    """Return how often at least and at most."""
    if sign := repetition["sign"]:
        return {"*": (0, math.inf), "+": (1, math.inf), "?": (0, 1)}[sign]
    least = int(repetition["least"] or 0)
    if not repetition["comma"]:  # {3}? is that or nothing
        return 0 if repetition["lazy"] else least, least
    return least, int(repetition["most"]) if repetition["most"] else math.inf


def _explosive(pattern: str) -> ExportRefusedError:
    return ExportRefusedError(
        "tokenizer.json has a pattern whose repetitions and alternatives multiply each other's "
        f"ways to match: {pattern[:60]!r}"
    )


def _unclear(pattern: str, position: int) -> ExportRefusedError:
    part = (pattern[position:] or pattern)[:10]
    return ExportRefusedError(
        f"tokenizer.json has a pattern with {part!r}, which no tokenizer of an ALBERT needs"
    )
