import random

import numpy as np
import pytest
from tokenizers import Tokenizer

from training.datasets import Question
from training.spans import (
    answered_row,
    best_span,
    encode_texts,
    span_rows,
    token_span,
    usual_answer,
    window_start,
)

CONTEXT = "Frédéric Chopin was born in Warsaw; he moved to Paris in 1831. " * 3
QUESTION = "When did he move to Paris?"
START = CONTEXT.index("1831", 70)


def test_tokens_that_hold_the_characters() -> None:
    starts, ends = np.array([0, 4, 8]), np.array([3, 7, 12])
    assert token_span(starts, ends, 4, 7) == (1, 1)
    assert token_span(starts, ends, 5, 9) == (1, 2)
    assert token_span(starts, ends, 3, 4) is None


@pytest.mark.parametrize("longest", [40, 64, 400])
def test_the_row_s_target_decodes_to_the_answer(tokenizer: Tokenizer, longest: int) -> None:
    encoded = encode_texts({QUESTION, CONTEXT}, tokenizer)
    for seed in range(20):
        draw = random.Random(seed)
        row = answered_row(encoded[QUESTION], encoded[CONTEXT], (START, "1831"), longest, draw)
        assert row is not None
        assert len(row.ids) <= longest
        start, end = row.target
        assert start >= row.second_segment
        assert tokenizer.decode(row.ids[start : end + 1].tolist()).strip() == "1831"


def test_a_window_always_holds_the_span() -> None:
    for seed in range(50):
        first = window_start((30, 33), 10, 100, random.Random(seed))
        assert first is not None
        assert first <= 30
        assert first + 10 > 33
    assert window_start((30, 50), 10, 100, random.Random(0)) is None


def test_unanswerable_rows_come_from_paragraphs_without_the_answer(tokenizer: Tokenizer) -> None:
    other = "A river flows through the old town."
    questions = [
        Question("A", CONTEXT, QUESTION, ((START, "1831"),)),
        Question("A", other, "What flows?", ((0, "A river"),)),
    ]
    texts = {text for one in questions for text in (one.question, one.context)}
    encoded = encode_texts(texts, tokenizer)
    rows = span_rows(questions, encoded, 400, 1.0, random.Random(3))
    for row in rows:
        if row.target == (0, 0):
            text = tokenizer.decode(row.ids[row.second_segment :].tolist())
            asked = tokenizer.decode(row.ids[: row.second_segment].tolist())
            assert ("river" in text) == ("paris" in asked)
    assert sum(row.target != (0, 0) for row in rows) == 2


def test_the_answer_that_most_gave() -> None:
    answers = ((3, "b"), (0, "a"), (3, "b"))
    assert usual_answer(answers, random.Random(0)) == (3, "b")


def test_the_best_span_is_within_bounds_and_not_too_long() -> None:
    start, end = np.zeros(10), np.zeros(10)
    start[1], start[4], end[9], end[5] = 9.0, 2.0, 3.0, 1.0
    assert best_span(start, end, 3, 10, 20) == (4, 9)
    assert best_span(start, end, 3, 10, 3) == (4, 5)
