"""From the labels as files spell them to the labels that a model has, in a fixed order."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_TWO_POLARITIES = {
    **dict.fromkeys(("negative", "neg", "0", "false"), "negative"),
    **dict.fromkeys(("positive", "pos", "1", "true"), "positive"),
}
_THREE_POLARITIES = {
    **dict.fromkeys(("negative", "neg", "-1"), "negative"),
    **dict.fromkeys(("neutral", "neu", "0"), "neutral"),
    **dict.fromkeys(("positive", "pos", "1", "+1"), "positive"),
}


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of a model in the order of its logits, and which of them each spelling means."""

    names: tuple[str, ...]
    meaning: Mapping[str, str]
    ignores_case: bool = False

    def number_of(self, spelling: str) -> int | None:
        """The number of the label that a file spells so; None for an unknown one."""
        plain = _plain(spelling.lower() if self.ignores_case else spelling)
        name = self.meaning.get(spelling) or self.meaning.get(plain, "")
        return self.names.index(name) if name in self.names else None

    def names_of(self, spellings: Iterable[str]) -> tuple[str, ...]:
        """The labels that a row's spellings mean, each once; unknown ones are left out."""
        numbers = {self.number_of(spelling) for spelling in spellings}
        return tuple(name for number, name in enumerate(self.names) if number in numbers)


def label_set(spellings: Iterable[str], *, polarities: bool) -> LabelSet:
    """The labels of the training data.

    Numbers are in the order of their values (2 before 10) and lose a ``.0`` that a spreadsheet
    added; all else is in alphabetical order. With ``polarities``, labels that all are usual
    spellings of sentiment (neg, 0, -1, true …) become negative, neutral and positive.
    """
    found = set(spellings)
    for known in (_TWO_POLARITIES, _THREE_POLARITIES) if polarities else ():
        if all(_plain(spelling.lower()) in known for spelling in found):
            names = {known[_plain(spelling.lower())] for spelling in found}
            return LabelSet(tuple(sorted(names)), known, ignores_case=True)
    if all(_NUMBER.fullmatch(spelling) for spelling in found):
        meaning = {
            one: _plain(spelling) for spelling in found for one in (spelling, _plain(spelling))
        }
    else:
        meaning = {spelling: spelling for spelling in found}
    return LabelSet(tuple(sorted(set(meaning.values()), key=_order)), meaning)


def _plain(spelling: str) -> str:
    return _WHOLE.sub(r"\1", spelling) if _WHOLE.fullmatch(spelling) else spelling


def _order(name: str) -> tuple[float, str, str]:
    number = float(name) if _NUMBER.fullmatch(name) else float("inf")
    return number, name.casefold(), name
