"""Sorts the answers of questions by their form, so that figures can be told apart by it."""

import re
from enum import StrEnum


class AnswerKind(StrEnum):
    """What answers look like."""

    NUMBER = "numbers"
    DATE = "dates"
    NAME = "names"
    OTHER = "other phrases"


_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DATE = re.compile(
    rf"\b(?:1[0-9]|20)\d\ds?\b|\b(?:{_MONTHS})\b\s+\d|\d\s+(?:{_MONTHS})\b|\d\d:\d\d"
)
_NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    "ninety|hundred|thousand|million|billion|half|dozen"
)
_NUMBER = re.compile(rf"\d|^(?:(?:about|over|nearly|almost|a|at least)\s+)*(?:{_NUMBER_WORDS})\b")
_SMALL_WORDS = frozenset({"a", "an", "and", "at", "for", "in", "of", "on", "the", "to"})


def kind_of(answer: str) -> AnswerKind:
    """By its form alone: a year, a month with a day or an hour is a date; what else has a digit, or
    begins with a word for a number, is a number; words with capitals are a name.
    """
    lower = answer.strip().lower()
    if _DATE.search(lower):
        return AnswerKind.DATE
    if _NUMBER.search(lower):
        return AnswerKind.NUMBER
    words = [word for word in re.findall(r"\w+", answer) if word.lower() not in _SMALL_WORDS]
    if words and all(word[0].isupper() for word in words):
        return AnswerKind.NAME
    return AnswerKind.OTHER
