"""The figures of merit: accuracy, and SQuAD's exact match and F1 as its own script counts them."""

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)


def accuracy(predicted: Sequence[object], expected: Sequence[object]) -> float:
    """The share of labels that agree, 0 to 1."""
    return sum(a == b for a, b in zip(predicted, expected, strict=True)) / len(expected)


def normalised_answer(text: str) -> str:
    """Lower case, without punctuation, articles and surplus spaces (SQuAD v1.1 evaluation)."""
    kept = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", kept).split())


def exact_match(predicted: str, answers: Iterable[str]) -> float:
    """1 where the answer equals one of the right ones after normalisation, else 0."""
    normalised = normalised_answer(predicted)
    return float(any(normalised == normalised_answer(answer) for answer in answers))


def token_f1(predicted: str, answers: Iterable[str]) -> float:
    """The best overlap in words with a right answer, 0 to 1; "" is right where there is none."""
    return max((_f1(predicted, answer) for answer in answers), default=float(not predicted))


def _f1(predicted: str, answer: str) -> float:
    given, right = normalised_answer(predicted).split(), normalised_answer(answer).split()
    if not given or not right:
        return float(given == right)
    shared = sum((Counter(given) & Counter(right)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(given), shared / len(right)
    return 2 * precision * recall / (precision + recall)
