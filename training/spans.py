"""Turns questions over texts into token rows with the places of their answers."""

import random
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from training.datasets import Question
from training.rows import Row
from training.tokenizer import CLS, SEP

LONGEST_QUESTION = 48
OWN_SPECIALS = (CLS, SEP)
"""Ids of [CLS] and [SEP] in our own vocabulary; others have others."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """Token ids of a text, uint32 [tokens], and each token's characters: int32 [tokens] twice."""

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def encode_texts(texts: set[str], tokenizer: Tokenizer) -> dict[str, EncodedText]:
    """Every text encoded once, without special tokens."""
    ordered = sorted(texts)
    encoded = {}
    for first in range(0, len(ordered), 1_000):
        block = ordered[first : first + 1_000]
        for text, encoding in zip(
            block, tokenizer.encode_batch(block, add_special_tokens=False), strict=True
        ):
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            ids = np.array(encoding.ids, dtype=np.uint32)
            encoded[text] = EncodedText(ids, offsets[:, 0], offsets[:, 1])
    return encoded


def token_span(
    starts: np.ndarray, ends: np.ndarray, first: int, last: int
) -> tuple[int, int] | None:
    """First and last token (inclusive) that hold characters of ``[first, last)``; None for none."""
    inside = np.flatnonzero((starts < last) & (ends > first) & (ends > starts))
    return (int(inside[0]), int(inside[-1])) if len(inside) else None


def window_start(span: tuple[int, int], room: int, tokens: int, draw: random.Random) -> int | None:
    """Where a window of ``room`` tokens begins that holds the span, at random; None if too long."""
    if tokens <= room:
        return 0 if span[1] < room else None
    lowest, highest = max(0, span[1] + 1 - room), min(span[0], tokens - room)
    return draw.randint(lowest, highest) if lowest <= highest else None


def answered_row(
    asked: EncodedText,
    context: EncodedText,
    answer: tuple[int, str],
    longest: int,
    draw: random.Random,
    specials: tuple[int, int] = OWN_SPECIALS,
) -> Row | None:
    """The row of an answered question, cut to ``longest`` tokens around its answer."""
    last = answer[0] + len(answer[1].rstrip())
    span = token_span(context.starts, context.ends, answer[0], last)
    question = asked.ids[:LONGEST_QUESTION]
    room = longest - 3 - len(question)
    if span is None:
        return None
    first = window_start(span, room, len(context.ids), draw)
    if first is None:
        return None
    shift = len(question) + 2 - first
    target = (span[0] + shift, span[1] + shift)
    return _row(question, context.ids[first : first + room], target, specials)


def unanswered_row(
    asked: EncodedText,
    context: EncodedText,
    longest: int,
    draw: random.Random,
    specials: tuple[int, int] = OWN_SPECIALS,
) -> Row:
    """The row of a question over a text that does not answer it: the answer is [CLS]."""
    question = asked.ids[:LONGEST_QUESTION]
    room = longest - 3 - len(question)
    first = draw.randint(0, max(0, len(context.ids) - room))
    return _row(question, context.ids[first : first + room], (0, 0), specials)


def question_row(asked: EncodedText, context: EncodedText, longest: int) -> Row:
    """The row of a question over the first tokens of a context, without a target."""
    question = asked.ids[:LONGEST_QUESTION]
    return _row(question, context.ids[: longest - 3 - len(question)], (), OWN_SPECIALS)


def _row(
    question: np.ndarray, context: np.ndarray, target: tuple[int, ...], specials: tuple[int, int]
) -> Row:
    cls, sep = specials
    ids = np.concatenate([[cls], question, [sep], context, [sep]]).astype(np.uint32)
    return Row(ids, len(question) + 2, target)


def span_rows(
    questions: list[Question],
    encoded: dict[str, EncodedText],
    longest: int,
    unanswerable_share: float,
    draw: random.Random,
    specials: tuple[int, int] = OWN_SPECIALS,
) -> list[Row]:
    """Rows for all questions, and for a share of them a second one over a text without the answer.

    That text is another paragraph of the same article that does not hold the answer's words.
    """
    paragraphs: dict[str, list[str]] = {}
    for question in questions:
        paragraphs.setdefault(question.article, []).append(question.context)
    rows: list[Row] = []
    for question in questions:
        asked, context = encoded[question.question], encoded[question.context]
        if not question.answers:
            rows.append(unanswered_row(asked, context, longest, draw, specials))
            continue
        answer = usual_answer(question.answers, draw)
        row = answered_row(asked, context, answer, longest, draw, specials)
        if row is not None:
            rows.append(row)
        if draw.random() < unanswerable_share:
            other = draw.choice(paragraphs[question.article])
            if not any(text.lower() in other.lower() for _, text in question.answers):
                rows.append(unanswered_row(asked, encoded[other], longest, draw, specials))
    return rows


def usual_answer(answers: tuple[tuple[int, str], ...], draw: random.Random) -> tuple[int, str]:
    """The answer that most annotators gave; of several such, any."""
    most = max(answers.count(answer) for answer in answers)
    return draw.choice([answer for answer in answers if answers.count(answer) == most])


def best_span(
    start: np.ndarray, end: np.ndarray, first: int, last: int, longest_answer: int
) -> tuple[int, int]:
    """The likeliest span (inclusive) of at most ``longest_answer`` tokens within [first, last).

    ``start`` and ``end`` are logits [length]. The null answer is not considered.
    """
    sums = start[first:last, None] + end[None, first:last]
    place = np.arange(last - first)
    reach = place[None, :] - place[:, None]
    sums = np.where((reach >= 0) & (reach < longest_answer), sums, -np.inf)
    begin, finish = np.unravel_index(np.argmax(sums), sums.shape)
    return first + int(begin), first + int(finish)
