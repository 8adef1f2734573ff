"""Scores of labels: accuracy and, label by label, precision, recall and F1."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Labels = Sequence[frozenset[int]]
"""The labels of each text: one, or in multi-label data any number."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How well one label is told; all but ``support``, its number of texts, 0 to 1."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class LabelScores:
    """``accuracy`` is the share of texts with exactly the right labels; F1 over all labels."""

    accuracy: float
    micro_f1: float
    macro_f1: float
    labels: tuple[LabelScore, ...]


def score_labels(predicted: Labels, expected: Labels, names: Sequence[str]) -> LabelScores:
    """The scores of answers; a label that is neither expected nor predicted does not count for
    ``macro_f1``.
    """
    hit: Counter[int] = Counter()
    for guess, truth in zip(predicted, expected, strict=True):
        hit.update(guess & truth)
    guessed = Counter(number for guess in predicted for number in guess)
    true = Counter(number for truth in expected for number in truth)
    labels = tuple(
        LabelScore(
            name,
            precision=_share(hit[number], guessed[number]),
            recall=_share(hit[number], true[number]),
            f1=_f1(hit[number], guessed[number], true[number]),
            support=true[number],
        )
        for number, name in enumerate(names)
    )
    right = sum(guess == truth for guess, truth in zip(predicted, expected, strict=True))
    seen = [labels[number].f1 for number in guessed.keys() | true.keys()]
    return LabelScores(
        accuracy=_share(right, len(expected)),
        micro_f1=_f1(hit.total(), guessed.total(), true.total()),
        macro_f1=_share(sum(seen), len(seen)),
        labels=labels,
    )


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _f1(hits: int, guessed: int, true: int) -> float:
    return 2 * hits / (guessed + true) if guessed + true else 0.0
