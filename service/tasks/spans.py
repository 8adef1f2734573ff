"""The best answer spans of windows, from their start and end logits.

Follows the semantics of Hugging Face's question-answering pipeline (transformers 5.2.0, the last
release that has it). That pipeline forms, window by window, the outer product of all starts and
ends and masks most of it away. Here all windows are one array, and spans are formed only for the
starts that can be among the best.
"""

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from service.runtime.session import Logits

CLS_POSITION = 0
NO_SPAN = -1.0
"""A score below that of any span."""
MOST_SCORES = 2_000_000
"""Scores formed at a time, 16 MB of them: long answers of many windows would take gigabytes."""
ARRAYS = 6
"""Of a value for each token, on the way to the scores."""

Probabilities = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WindowProbabilities:
    """What the logits of several windows say of their context tokens.

    ``start`` and ``end``: float64 ``[windows, tokens]``, 0 behind the last of a window's ``tokens``
    (int64 ``[windows]``). ``null_scores``: float64 ``[windows]``, start[CLS] times end[CLS].
    ``log_odds``: float64 ``[windows]``, the logarithm of one over that, also where it rounds to 0.
    """

    start: Probabilities
    end: Probabilities
    tokens: Indices
    null_scores: Probabilities
    log_odds: Probabilities

    def shares(self) -> Probabilities:
        """What to multiply the scores of each window with, to have one softmax over all windows:
        float64 ``[windows]``.

        It goes over the spans of every window, and over [CLS] once: each window's logits count from
        those of its own [CLS], because how much likelier a span is than no answer is what a model
        learns to say of every window, and where its logits as a whole lie is not. The only window
        of a context has the share 1.
        """
        largest = self.log_odds.max()
        odds, null = np.exp(self.log_odds - largest), np.exp(-largest)
        return np.asarray(odds / (null + (odds - null).sum()))


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of tokens: window, first and last token in it, score; one array of each."""

    windows: Indices
    first: Indices
    last: Indices
    scores: Probabilities


def window_probabilities(logits: Rows[Logits], rows: Rows[slice]) -> WindowProbabilities:
    """A softmax over the tokens of each window that may carry an answer: [CLS], and the context.

    ``logits``: for each window ``(start, end)``, float32 ``[row length]``; ``rows``: where its
    context lies in its row.
    """
    tokens = np.array([row.stop - row.start for row in rows], dtype=np.int64)
    start, start_null = _softmax([pair[0] for pair in logits], rows, tokens)
    end, end_null = _softmax([pair[1] for pair in logits], rows, tokens)
    log_null = start_null + end_null
    return WindowProbabilities(start, end, tokens, np.exp(log_null), -log_null)


def _softmax(
    logits: Rows[NDArray[np.float32]], rows: Rows[slice], tokens: Indices
) -> tuple[Probabilities, Probabilities]:
    """Probabilities of the context's tokens, and the logarithm of that of [CLS]."""
    allowed = np.full((len(rows), int(tokens.max()) + 1), -np.inf)
    for line, row, values in zip(allowed, rows, logits, strict=True):
        line[0] = values[CLS_POSITION]
        line[1 : 1 + row.stop - row.start] = values[row]
    # In place: of ten thousand windows, which a request may have, each array takes 31 MB.
    allowed -= allowed.max(axis=1, keepdims=True)
    null = allowed[:, 0].copy()
    powers = np.exp(allowed, out=allowed)
    sums = powers.sum(axis=1, keepdims=True)
    powers /= sums
    return powers[:, 1:], null - np.log(sums[:, 0])


def best_spans(probabilities: WindowProbabilities, max_answer_tokens: int, count: int) -> Spans:
    """The ``count`` best spans of each window, window by window, best first.

    A span has at most ``max_answer_tokens`` tokens; its score is the product of its start's and its
    end's probability. Of equal scores the one that starts, then ends, first is the better.
    """
    windows, tokens = probabilities.start.shape
    width = min(max_answer_tokens, tokens)
    at_once = max(1, MOST_SCORES // max(min(count, tokens) * width, ARRAYS * tokens))
    parts = [
        _best_of(
            probabilities.start[first : first + at_once],
            probabilities.end[first : first + at_once],
            probabilities.tokens[first : first + at_once],
            width,
            count,
        )
        for first in range(0, windows, at_once)
    ]
    return Spans(
        np.concatenate([part.windows + at_once * n for n, part in enumerate(parts)]),
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.last for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def _best_of(
    start: Probabilities, end: Probabilities, tokens: Indices, width: int, count: int
) -> Spans:
    windows = np.arange(len(start))[:, None]
    starts = _promising_starts(start, end, tokens, width, count)
    padded = np.concatenate([end, np.zeros((len(end), width - 1))], axis=1)
    # [windows, starts, width]: the span from each start to that start + 0, 1, …
    scores = sliding_window_view(padded, width, axis=1)[windows, starts]
    scores *= start[windows, starts][:, :, None]
    scores[starts[:, :, None] + np.arange(width) >= tokens[:, None, None]] = NO_SPAN
    scores = scores.reshape(len(start), -1)
    places = _largest(scores, count)
    values = scores[windows, places]
    order = np.argsort(-values, axis=1, kind="stable")
    places, values = places[windows, order], values[windows, order]
    window, rank = np.nonzero(values > NO_SPAN)
    places = places[window, rank]
    first = starts[window, places // width]
    return Spans(window, first, first + places % width, values[window, rank])


def _promising_starts(
    start: Probabilities, end: Probabilities, tokens: Indices, width: int, count: int
) -> Indices:
    """The tokens of each window at which its ``count`` best spans start, in order.

    Those with the best span of their own: where ``count`` starts have a better one, or an equal one
    further left, these are better than any span of this start. int64 ``[windows, starts]``.
    """
    best = start * _largest_ahead(end, width)
    best[np.arange(start.shape[1]) >= tokens[:, None]] = NO_SPAN
    return _largest(best, count)


def _largest(values: Probabilities, count: int) -> Indices:
    """The places of the ``count`` largest values of each row, from left to right; of equal ones
    those on the left. int64 ``[rows, count]``, or fewer columns if there are no more.
    """
    rows, columns = values.shape
    count = min(count, columns)
    border = np.partition(values, columns - count, axis=1)[:, columns - count, None]
    larger, equal = values > border, values == border
    wanted = count - larger.sum(axis=1, keepdims=True)
    kept = larger | (equal & (equal.cumsum(axis=1) <= wanted))
    return np.nonzero(kept)[1].reshape(rows, count)


def _largest_ahead(values: Probabilities, width: int) -> Probabilities:
    """For each token the largest of ``width`` values from it on, fewer at the end."""
    largest = values.copy()
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        np.maximum(largest[:, :-step], largest[:, step:], out=largest[:, :-step])
        reach += step
    return largest
