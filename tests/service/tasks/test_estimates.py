"""Rows are estimated about as many and as long as they turn out to be, whatever the parameters."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model_directory.manifest import ProblemType
from service.tasks.classification import (
    ClassificationInput,
    ClassificationRequest,
    ClassificationTask,
)
from service.tasks.errors import InputError
from service.tasks.question_answering import (
    QuestionAnsweringRequest,
    QuestionAnsweringTask,
    QuestionInput,
)

MAX_TOKENS = 64
WORDS = ("the", "river", "runs", "to", "the", "sea", "in", "north", "good", "film")
TEXTS = st.integers(0, len(WORDS) - 1)
FACTOR = 2
"""Words of this vocabulary have 3 to 6 characters with their space, and 4 are taken for a token."""


def text(first, words):
    return " ".join(WORDS[(first + number) % len(WORDS)] for number in range(words))


def check(task, request):
    """Within the factor of the rows, and of their tokens."""
    estimated = task.estimate_lengths(request)
    rows = [row.length for row in task.prepare(request).sequences]
    assert len(rows) <= FACTOR * len(estimated)
    assert len(estimated) <= FACTOR * len(rows)
    assert sum(rows) <= FACTOR * sum(estimated)
    assert sum(estimated) <= FACTOR * sum(rows)
    assert max(estimated) <= MAX_TOKENS


@given(
    st.lists(st.tuples(TEXTS, st.integers(1, 70)), min_size=1, max_size=3),
    st.none() | st.integers(5, MAX_TOKENS),
    st.none() | st.integers(0, MAX_TOKENS),
    st.integers(3, 12),
)
def test_windows_of_contexts(encoder, questions, max_seq_len, doc_stride, rooms):
    """Each context is several times as long as a row."""
    task = QuestionAnsweringTask(encoder, max_tokens=MAX_TOKENS)
    context = text(0, rooms * MAX_TOKENS)
    request = QuestionAnsweringRequest(
        [QuestionInput(text(*question), (context,)) for question in questions],
        max_seq_len=max_seq_len,
        doc_stride=doc_stride,
        most_windows=10**6,
    )
    try:
        task.prepare(request)
    except InputError:
        assume(False)
    check(task, request)


@given(TEXTS, st.integers(30, 70), st.none() | st.integers(40, MAX_TOKENS))
def test_what_is_refused_when_it_is_prepared_takes_no_room(encoder, first, words, doc_stride):
    task = QuestionAnsweringTask(encoder, max_tokens=MAX_TOKENS)
    request = QuestionAnsweringRequest(
        [QuestionInput(text(first, words), (text(0, 1_000),))], doc_stride=doc_stride
    )
    try:
        task.prepare(request)
    except InputError:
        assert len(task.estimate_lengths(request)) == 1


def test_a_question_that_leaves_little_room_makes_many_rows(encoder):
    task = QuestionAnsweringTask(encoder, max_tokens=MAX_TOKENS)
    question = text(0, MAX_TOKENS - 5)
    request = QuestionAnsweringRequest([QuestionInput(question, (text(0, 900),))])
    assert len(task.estimate_lengths(request)) > 400
    check(task, request)


@given(
    st.lists(
        st.tuples(TEXTS, st.integers(20, 900), st.none() | st.integers(1, 28)),
        min_size=1,
        max_size=4,
    )
)
def test_windows_of_texts_and_pairs(encoder, inputs):
    task = ClassificationTask(
        encoder, labels=("a",), problem_type=ProblemType.SINGLE_LABEL, max_tokens=MAX_TOKENS
    )
    pairs = [
        ClassificationInput(text(first, words), None if other is None else text(0, other))
        for first, words, other in inputs
    ]
    check(task, ClassificationRequest(pairs))


def test_the_text_of_a_pair_that_stays_whole_is_in_every_row(encoder):
    task = ClassificationTask(
        encoder, labels=("a",), problem_type=ProblemType.SINGLE_LABEL, max_tokens=MAX_TOKENS
    )
    alone, beside = (
        task.estimate_lengths(ClassificationRequest([ClassificationInput(text(0, 900), other)]))
        for other in (None, text(0, 26))
    )
    assert len(beside) > 1.5 * len(alone)


@pytest.mark.parametrize("contexts", [1, 300])
def test_no_more_is_estimated_than_is_allowed_and_at_once(encoder, contexts):
    task = QuestionAnsweringTask(encoder, max_tokens=512)
    long = "the sea " * 25_000
    request = QuestionAnsweringRequest(
        [QuestionInput("where", (long,))] * contexts, doc_stride=379, most_windows=1_000
    )
    start = time.thread_time()
    assert len(task.estimate_lengths(request)) == 1_000
    assert time.thread_time() - start < 0.1
    texts = ClassificationTask(
        encoder, labels=("a",), problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )
    asked = ClassificationRequest([ClassificationInput(long)] * contexts, most_windows=1_000)
    assert len(texts.estimate_lengths(asked)) == 1_000
