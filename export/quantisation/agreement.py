"""Compares what two graphs of one model say about the same texts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.config import AlbertConfig
from model_directory.manifest import Agreement, ProblemType

Logits = NDArray[np.float32]

# Two answers whose scores lie nearer than this are a tie: either counts as agreement.
TIE = 0.02
_SAME_VALUE = 0.1


def describe(agreement: Agreement) -> str:
    """Return the figures as a part of a sentence."""
    return (
        f"agreement {agreement.agreement:.1%}, drift {agreement.mean_drift:.4f} on average and "
        f"{agreement.max_drift:.3f} at most over {agreement.texts} texts"
    )


def compare(config: AlbertConfig, expected: Sequence[Logits], given: Sequence[Logits]) -> Agreement:
    """Compare logits, [labels] or [2, tokens] for each text, with those that are expected.

    Scores are probabilities of labels, or that of the span that is expected as the answer.
    A regression's are its values, here without the head's bias, as shares of the largest; within a
    tenth of that they agree.
    """
    if config.is_question_answering:
        pairs = [_spans(one, other) for one, other in zip(expected, given, strict=True)]
    elif config.inferred_problem_type is ProblemType.SINGLE_LABEL:
        pairs = [_labels(one, other) for one, other in zip(expected, given, strict=True)]
    elif config.inferred_problem_type is ProblemType.MULTI_LABEL:
        pairs = [_decisions(one, other) for one, other in zip(expected, given, strict=True)]
    else:
        spread = np.maximum(np.abs(expected).max(axis=0), 1e-6)
        pairs = [
            _values((one - other) / spread) for one, other in zip(expected, given, strict=True)
        ]
    same, drifts = zip(*pairs, strict=True)
    return Agreement(
        texts=len(pairs),
        agreement=float(np.mean(same)),
        mean_drift=float(np.mean(drifts)),
        max_drift=float(np.max(drifts)),
    )


def _labels(expected: Logits, given: Logits) -> tuple[bool, float]:
    one, other = softmax(expected), softmax(given)
    lost = one.max() - one[other.argmax()]
    return bool(lost <= TIE), float(np.abs(one - other).max())


def _decisions(expected: Logits, given: Logits) -> tuple[bool, float]:
    one, other = sigmoid(expected), sigmoid(given)
    decided = np.abs(one - 0.5) > TIE
    same = ((one > 0.5) == (other > 0.5)) | ~decided
    return bool(same.all()), float(np.abs(one - other).max())


def _values(difference: Logits) -> tuple[bool, float]:
    drift = float(np.abs(difference).max())
    return drift <= _SAME_VALUE, drift


def _spans(expected: Logits, given: Logits) -> tuple[bool, float]:
    one, other = softmax(expected), softmax(given)
    best, chosen = _best_span(one), _best_span(other)
    lost = _score(one, best) - _score(one, chosen)
    return bool(lost <= TIE), abs(_score(one, best) - _score(other, best))


def _score(scores: NDArray[np.float64], span: tuple[int, int]) -> float:
    """Return the probability of the span's first token times that of its last."""
    return float(scores[0, span[0]] * scores[1, span[1]])


def _best_span(scores: NDArray[np.float64]) -> tuple[int, int]:
    """Return first and last token of the likeliest span of at most 30 tokens."""
    joint = np.triu(np.outer(scores[0], scores[1]))
    joint -= np.triu(joint, 30)
    first, last = np.unravel_index(joint.argmax(), joint.shape)
    return int(first), int(last)


def softmax(logits: Logits) -> NDArray[np.float64]:
    """Return probabilities over the last axis, float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def sigmoid(logits: Logits) -> NDArray[np.float64]:
    """Return the probability of each label, float64."""
    result: NDArray[np.float64] = 0.5 * (1 + np.tanh(logits.astype(np.float64) / 2))
    return result
