"""Answers of any question against the definition, and the one softmax over many windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.tasks.answers import Normalization
from service.tasks.question_answering import (
    QuestionAnsweringRequest,
    QuestionAnsweringTask,
    QuestionInput,
)
from tests.service.tasks.plain_question_answering import Window, plain_answers

WORDS = ("the", "River", "river", "sea", "zebra", "naïve", "東京", "🎉", "e\u0301t", "x\u200by")
GAPS = (" ", "  ", "\r\n", "\u00a0")
texts = st.lists(st.sampled_from(WORDS) | st.sampled_from(GAPS), min_size=1, max_size=60).map(
    lambda parts: "the " + " ".join(parts)
)
options = st.fixed_dictionaries(
    {
        "top_k": st.integers(1, 30),
        "max_answer_len": st.integers(1, 40),
        "max_seq_len": st.integers(16, 32),
        "doc_stride": st.integers(0, 8),
        "handle_impossible_answer": st.booleans(),
        "align_to_words": st.booleans(),
        "normalization": st.sampled_from(Normalization),
    }
)


@pytest.fixture
def task(encoder):
    return QuestionAnsweringTask(encoder, max_tokens=32)


def random_logits(prepared, seed, scale=3.0):
    random = np.random.default_rng(seed)
    return [
        tuple(random.normal(0, scale, (2, row.length)).astype(np.float32))
        for row in prepared.sequences
    ]


def asked(contexts, several=False, **given):
    return QuestionAnsweringRequest([QuestionInput("where", tuple(contexts), several)], **given)


@given(st.lists(texts, min_size=1, max_size=4), st.booleans(), options, st.integers(0, 2**32))
def test_answers_are_those_of_the_definition(encoder, contexts, several, given, seed):
    task = QuestionAnsweringTask(encoder, max_tokens=32)
    several |= len(contexts) > 1
    prepared = task.prepare(asked(contexts, several, **given))
    logits = random_logits(prepared, seed)
    [plans] = prepared.plan.questions
    cut = [(number, window) for number, plan in enumerate(plans) for window in plan.windows]
    windows = [
        Window(number, window.first, window.last, window.position, *pair)
        for (number, window), pair in zip(cut, logits, strict=True)
    ]
    searched = {key: given[key] for key in given.keys() & plain_answers.__kwdefaults__.keys()}
    expected = plain_answers(
        contexts,
        [plan.encoded.encoding for plan in plans],
        windows,
        one_softmax=several or given["normalization"] is Normalization.DOCUMENT,
        **searched,
    )
    [answers] = task.decode(prepared, logits)
    assert [(one.answer, one.start, one.end, one.context_index) for one in answers] == [
        (text, start, end, index) for text, start, end, _, index in expected
    ]
    assert [one.score for one in answers] == pytest.approx(
        [score for _, _, _, score, _ in expected], rel=1e-9
    )
    for one in answers:
        assert contexts[one.context_index or 0][one.start : one.end] == one.answer


@given(st.lists(texts, min_size=1, max_size=4), st.integers(0, 2**32), st.floats(0, 40))
def test_with_one_softmax_everything_adds_up_to_at_most_one(encoder, contexts, seed, scale):
    task = QuestionAnsweringTask(encoder, max_tokens=32)
    prepared = task.prepare(
        asked(contexts, True, top_k=1000, max_answer_len=32, handle_impossible_answer=True)
    )
    [answers] = task.decode(prepared, random_logits(prepared, seed, scale))
    assert 0 <= sum(one.score for one in answers) <= 1 + 1e-9


def test_a_context_of_one_window_has_the_same_scores_with_either_normalization(task):
    prepared = [
        task.prepare(asked(["the river runs to the sea"], top_k=5, normalization=one))
        for one in Normalization
    ]
    window, document = (task.decode(one, random_logits(one, 1))[0] for one in prepared)
    assert [one.answer for one in window] == [one.answer for one in document]
    assert [one.score for one in document] == pytest.approx([one.score for one in window])


def sure_of(prepared, sure):
    """Logits by which each window has one sure answer, its last token, or for certain none."""
    logits = []
    for row, is_sure in zip(prepared.sequences, sure, strict=True):
        values = np.full(row.length, -20.0, dtype=np.float32)
        values[row.length - 2 if is_sure else 0] = 0.0
        logits.append((values, values))
    return logits


def test_an_answer_found_in_two_windows_has_over_one_only_without_one_softmax(task):
    text = " ".join(["sea"] * 40)
    scores = {}
    for one in Normalization:
        prepared = task.prepare(asked([text], align_to_words=False, normalization=one))
        sure = [True] * len(prepared.sequences)
        [[best]] = task.decode(prepared, sure_of(prepared, sure))
        scores[one] = best.score
    assert scores[Normalization.WINDOW] > 1.9
    assert scores[Normalization.DOCUMENT] == pytest.approx(1, abs=1e-6)


def test_passages_without_an_answer_take_nothing_from_the_one_that_has_it(task):
    contexts = ["the river"] * 50 + ["the sea"] + ["the north"] * 50
    prepared = task.prepare(asked(contexts, True, handle_impossible_answer=True))
    sure = [index == 50 for index in range(len(contexts))]
    [[best]] = task.decode(prepared, sure_of(prepared, sure))
    assert (best.answer.strip(), best.context_index) == ("sea", 50)
    assert best.score == pytest.approx(1, abs=1e-6)


def test_the_same_text_in_two_contexts_is_two_answers(task):
    prepared = task.prepare(asked(["the sea", "to the sea"], True, top_k=2))
    [answers] = task.decode(prepared, sure_of(prepared, [True, True]))
    assert [(one.answer.strip(), one.context_index) for one in answers] == [("sea", 0), ("sea", 1)]
    assert [one.score for one in answers] == pytest.approx([0.5, 0.5])


def test_when_no_context_has_an_answer_the_empty_one_is_of_none(task):
    prepared = task.prepare(asked(["the river", "the sea"], True, handle_impossible_answer=True))
    [[best]] = task.decode(prepared, sure_of(prepared, [False, False]))
    assert (best.answer, best.context_index) == ("", None)
    assert best.score == pytest.approx(1, abs=1e-6)


def test_a_span_keeps_its_own_offsets_where_a_token_has_no_word(task):
    prepared = task.prepare(asked(["the zebra runs"]))
    [[plan]] = prepared.plan.questions
    words = plan.encoded.word_ids
    zebra = np.flatnonzero(words == 1)
    words[zebra[-1]] = -1
    values = np.full(prepared.sequences[0].length, -20.0, dtype=np.float32)
    start, end = values.copy(), values.copy()
    start[plan.windows[0].position + zebra[2]] = end[plan.windows[0].position + zebra[-1]] = 0.0
    [[best]] = task.decode(prepared, [(start, end)])
    assert (best.answer, best.start) == ("ebra", 5)
