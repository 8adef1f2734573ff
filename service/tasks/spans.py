"""The best answer spans of one window, from its start and end logits.

Follows the semantics of Hugging Face's question-answering pipeline (transformers 5.2.0, the last
release that has it). That pipeline forms the outer product of all starts and ends and masks most of
it away; only the band of spans of allowed length is formed here, which is ``max_answer_tokens``
wide instead of as wide as the window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

CLS_POSITION = 0

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindowProbabilities:
    """Start and end probabilities over one window's tokens, float64 ``[tokens]`` each, [CLS] taken
    out of the running.

    ``null_score`` is start[CLS] times end[CLS].
    """

    start: Probabilities
    end: Probabilities
    null_score: float


def window_probabilities(
    start_logits: NDArray[np.float32], end_logits: NDArray[np.float32], first: int, last: int
) -> WindowProbabilities:
    """Softmax over the tokens that may carry an answer: [CLS] at 0, and the context at ``first …
    last - 1``.
    """
    start = _masked_softmax(start_logits, first, last)
    end = _masked_softmax(end_logits, first, last)
    null_score = float(start[CLS_POSITION] * end[CLS_POSITION])
    start[CLS_POSITION] = end[CLS_POSITION] = 0.0
    return WindowProbabilities(start, end, null_score)


def _masked_softmax(logits: NDArray[np.float32], first: int, last: int) -> Probabilities:
    masked = np.full(len(logits), -np.inf)
    masked[CLS_POSITION] = logits[CLS_POSITION]
    masked[first:last] = logits[first:last]
    powers = np.exp(masked - masked.max())
    return np.asarray(powers / powers.sum())


def best_spans(
    start: Probabilities, end: Probabilities, max_answer_tokens: int, count: int
) -> list[tuple[int, int, float]]:
    """The ``count`` best spans ``(first token, last token, score)``, best first.

    ``start`` and ``end``: float64 ``[tokens]``, over tokens that may all carry an answer. A span
    has at most ``max_answer_tokens`` tokens; its score is the product of its start's and its end's
    probability. Of equal scores the one that starts, then ends, first is the better.
    """
    tokens = len(start)
    width = min(max_answer_tokens, tokens)
    padded_end = np.concatenate([end, np.full(width - 1, -1.0)])
    # scores[i, d] is the score of the span i … i + d; ends behind the last token come out negative
    # or are dropped below.
    scores = (start[:, None] * sliding_window_view(padded_end, width)).ravel()
    inside = (np.arange(tokens)[:, None] + np.arange(width) < tokens).ravel()
    candidates = np.flatnonzero(inside)
    values = scores[candidates]
    if len(candidates) > count:
        # All that reach the count-th best value, so that ties at the border are resolved by
        # position.
        border = np.partition(values, len(values) - count)[len(values) - count]
        keep = values >= border
        candidates, values = candidates[keep], values[keep]
    order = np.argsort(-values, kind="stable")[:count]
    return [
        (int(flat // width), int(flat // width + flat % width), float(value))
        for flat, value in zip(candidates[order], values[order], strict=True)
    ]
