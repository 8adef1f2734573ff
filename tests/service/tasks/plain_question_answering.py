"""Question answering restated in plain Python, step by step, as slow as it is plain."""

import math
from typing import NamedTuple


class Window(NamedTuple):
    """Tokens of one context: which, how long the question's part is, and the logits of the row."""

    context: int
    first: int
    last: int
    position: int
    start: list
    end: list


def softmax(values):
    largest = max(values.values())
    powers = {token: math.exp(value - largest) for token, value in values.items()}
    return {token: power / sum(powers.values()) for token, power in powers.items()}


def plain_answers(texts, encodings, windows, *, one_softmax=False, top_k=1, max_answer_len=15,
                  handle_impossible_answer=False, align_to_words=True):  # fmt: skip
    """Answers ``(text, start, end, score, context)``: best first.

    ``encodings`` are the contexts' as the tokenizers library gives them.
    """
    candidates, nulls = [], []
    for number, window in enumerate(windows):
        # Only the context's tokens and [CLS] may carry an answer.
        allowed = [0, *range(window.position, window.position + window.last - window.first)]
        start = softmax({token: float(window.start[token]) for token in allowed})
        end = softmax({token: float(window.end[token]) for token in allowed})
        nulls.append(start[0] * end[0])
        pairs = [
            (start[first] * end[last], first, last)
            for first in allowed[1:]
            for last in range(first, min(first + max_answer_len, allowed[-1] + 1))
        ]
        pairs.sort(key=lambda pair: -pair[0])
        kept = pairs[: 2 * top_k + 10 if align_to_words else top_k]
        candidates += [(number, *pair) for pair in kept]
    scales = [1.0] * len(windows)
    if one_softmax:
        # Over every pair that is not ([CLS], [CLS]) of every window, and that one once: relative
        # to it the pairs of a window weigh (1 - null) / null together.
        total = 1.0 + sum((1 - null) / null for null in nulls)
        scales = [1 / null / total for null in nulls]
    answers = []
    for number, score, first, last in candidates:
        window = windows[number]
        shift = window.first - window.position
        begin, end = characters(encodings[window.context], first + shift, last + shift, window,
                                align_to_words)  # fmt: skip
        text = texts[window.context][begin:end]
        for answer in answers:
            if (answer[4], answer[0].lower()) == (window.context, text.lower()):
                answer[3] += score * scales[number]
                break
        else:
            answers.append([text, begin, end, score * scales[number], window.context])
    if handle_impossible_answer:
        least = min(null * scale for null, scale in zip(nulls, scales, strict=True))
        answers.append(["", 0, 0, least, None])
    answers.sort(key=lambda answer: -answer[3])
    return [tuple(answer) for answer in answers[:top_k]]


def characters(encoding, first, last, window, align_to_words):
    """The characters of a span of tokens, of their whole words as far as the window shows them."""
    words = encoding.word_ids
    if align_to_words and words[first] is not None and words[last] is not None:
        shown = range(window.first, window.last)
        first = min(token for token in shown if words[token] == words[first])
        last = max(token for token in shown if words[token] == words[last])
    return encoding.offsets[first][0], encoding.offsets[last][1]
