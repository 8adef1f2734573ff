"""From the logits of a question's windows to its answers.

Follows the semantics of Hugging Face's question-answering pipeline (transformers 5.2.0), and goes
beyond it where one normalisation over all windows, or several contexts, are asked for.
"""

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.runtime.session import Logits
from service.tasks.encoding import EncodedText
from service.tasks.spans import Indices, Spans, best_spans, window_probabilities


class Normalization(StrEnum):
    """What the scores of spans are normalised over: each window, or all of a question's."""

    WINDOW = "window"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Answer:
    """A span ``contexts[context_index][start:end] == answer``, in code points.

    The empty answer at 0–0, of no context, means that there is none.
    """

    answer: str
    score: float
    start: int
    end: int
    context_index: int | None = 0


@dataclass(frozen=True, slots=True)
class ContextWindow:
    """Tokens ``first … last - 1`` of a context, and where they begin in their row."""

    first: int
    last: int
    position: int

    @property
    def row_length(self) -> int:
        """Tokens of the row, up to the [SEP] behind the window."""
        return self.position + self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """The windows of one context, one row each."""

    text: str
    encoded: EncodedText
    windows: list[ContextWindow]


@dataclass(frozen=True, slots=True)
class Search:
    """Which answers are looked for; ``max_answer_len`` is in tokens."""

    top_k: int
    max_answer_len: int
    handle_impossible_answer: bool
    align_to_words: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """For each token of all contexts, behind one another, the first and the last token of its word,
    and whether it has a word at all.
    """

    first: Indices
    last: Indices
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, contexts: Rows[ContextPlan], context_begins: Indices) -> "_Words":
        words = np.concatenate([context.encoded.word_ids for context in contexts])
        begins = np.ones(len(words), dtype=bool)
        begins[1:] = (words[1:] != words[:-1]) | (words[1:] < 0)
        begins[context_begins] = True
        group = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(words)) - 1
        return cls(first[group], last[group], words >= 0)


def decode_answers(
    contexts: Rows[ContextPlan], logits: Rows[Logits], normalization: Normalization, search: Search
) -> list[Answer]:
    """The best answers over all windows of all contexts of a question.

    ``logits``: for each window, context by context, ``(start, end)``, float32 ``[row length]``.
    Spans of a context whose lower-cased text is the same are one answer, with the first one's
    offsets and the sum of the scores.
    """
    windows = [window for context in contexts for window in context.windows]
    rows = [slice(one.position, one.position + one.last - one.first) for one in windows]
    probabilities = window_probabilities(logits, rows)
    shares = np.ones(len(windows))
    if normalization is Normalization.DOCUMENT:
        shares = probabilities.shares()
    wanted = search.top_k * 2 + 10 if search.align_to_words else search.top_k
    spans = best_spans(probabilities, search.max_answer_len, wanted)
    scores = spans.scores * shares[spans.windows]
    found = _of_tokens(contexts, spans, scores, align_to_words=search.align_to_words)
    answers = _merged(contexts, found, search.top_k)
    if search.handle_impossible_answer:
        null_score = float((probabilities.null_scores * shares).min())
        answers.append(Answer("", null_score, 0, 0, None))
    return sorted(answers, key=attrgetter("score"), reverse=True)[: search.top_k]


@dataclass(frozen=True, slots=True)
class _Found:
    """Different spans in the order in which they were found: context, first and one-past-last code
    point, score; one array of each.
    """

    contexts: Indices
    starts: Indices
    ends: Indices
    scores: NDArray[np.float64]


def _of_tokens(
    contexts: Rows[ContextPlan],
    spans: Spans,
    scores: NDArray[np.float64],
    *,
    align_to_words: bool,
) -> _Found:
    """Spans of windows as spans of contexts, grown to words.

    Most are found more than once, in two windows or in the same words, and their scores add up.
    Tokens are counted through all contexts, so that the spans of all are one array.
    """
    context_begins = np.cumsum([0, *(len(context.encoded) for context in contexts[:-1])])
    owners = np.repeat(np.arange(len(contexts)), [len(context.windows) for context in contexts])
    owners = owners[spans.windows]
    windows = np.array([(one.first, one.last) for context in contexts for one in context.windows])
    window_first, window_last = (windows[spans.windows] + context_begins[owners, None]).T
    first, last = window_first + spans.first, window_first + spans.last
    if align_to_words:
        words = _Words.of(contexts, context_begins)
        aligned = words.known[first] & words.known[last]
        # A word that a window's edge cuts is only as long as the window shows it.
        begin = np.maximum(words.first[first], window_first)
        end = np.minimum(words.last[last], window_last - 1)
        first, last = np.where(aligned, begin, first), np.where(aligned, end, last)
    _, places, inverse = np.unique(
        first * (int(last.max()) + 1) + last, return_index=True, return_inverse=True
    )
    order = np.argsort(places)
    places = places[order]
    sums = np.bincount(inverse, weights=scores)[order].astype(np.float64)
    owners = owners[places]
    begins = context_begins[owners]
    starts = _characters(contexts, owners, first[places] - begins, 0)
    ends = _characters(contexts, owners, last[places] - begins, 1)
    return _Found(owners, starts, ends, sums)


def _characters(
    contexts: Rows[ContextPlan], owners: Indices, tokens: Indices, side: int
) -> Indices:
    """Where tokens of contexts begin (``side`` 0) or end (1), in code points."""
    most = int(tokens.max()) + 1
    different, inverse = np.unique(owners * most + tokens, return_inverse=True)
    offsets = [
        contexts[place // most].encoded.characters_of(place % most)[side]
        for place in different.tolist()
    ]
    return np.array(offsets)[inverse]


def _merged(contexts: Rows[ContextPlan], found: _Found, top_k: int) -> list[Answer]:
    """The ``top_k`` best answers, best first: spans of a context with the same text are one."""
    # Lists, and answers of the best only, because there can be 2,000 spans a window.
    merged: dict[tuple[int, str], list[Any]] = {}
    columns = (found.scores, found.contexts, found.starts, found.ends)
    for score, index, start, end in zip(*(one.tolist() for one in columns), strict=True):
        key = index, contexts[index].text[start:end].lower()
        known = merged.get(key)
        if known is None:
            merged[key] = [score, index, start, end]
        else:
            known[0] += score
    return [
        Answer(contexts[index].text[start:end], score, start, end, index)
        for score, index, start, end in nlargest(top_k, merged.values(), key=itemgetter(0))
    ]
