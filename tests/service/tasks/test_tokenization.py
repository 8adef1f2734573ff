"""What tokenising says is what a run would do."""

import pytest
from hypothesis import given
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
from service.tasks.truncation import Truncation

WORDS = ["good", "the film", "ＡＢＣ", "é", "e\u0301", "漢字", "👍🏽", "\u200b", "\r\n"]
TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


def outcome(function):
    """The result, or what the refusal says."""
    try:
        return function()
    except InputError as error:
        return error.message, error.index, error.field


def check(task, request):
    """Rows and refusals are those of ``prepare``; offsets lead back to the text that was sent."""
    prepared = outcome(lambda: task.prepare(request))
    tokenized = outcome(lambda: list(task.tokenize(request)))
    if isinstance(prepared, tuple):
        assert tokenized == prepared
        return []
    lengths = [length for each in tokenized for _, length in each.windows]
    assert lengths == [sequence.length for sequence in prepared.sequences]
    assert sum(each.tokens for each in tokenized) == prepared.tokens
    rows = iter(prepared.sequences)
    for each in tokenized:
        for window, _ in each.windows:
            ids = each.texts[window.field].token_ids[window.first : window.last]
            row = next(rows).input_ids.tolist()
            assert ids == [] or any(
                row[start : start + len(ids)] == ids for start in range(len(row))
            )
    return tokenized


def check_offsets(text, tokenized):
    assert len(tokenized.token_ids) == len(tokenized.tokens) == len(tokenized.offsets)
    assert all(0 <= start <= end <= len(text) for start, end in tokenized.offsets)


@given(
    st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=3),
    st.sampled_from(Truncation),
)
def test_texts_and_pairs_are_cut_as_they_would_be_run(encoder, texts, truncation):
    task = ClassificationTask(
        encoder, labels=("a", "b"), problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )
    inputs = [ClassificationInput(*each) for each in texts]
    for item, each in zip(
        inputs, check(task, ClassificationRequest(inputs, truncation=truncation)), strict=False
    ):
        check_offsets(item.text, each.texts["text"])
        assert ("text_pair" in each.texts) == (item.text_pair is not None)
        for window, _ in each.windows:
            start, end = each.characters(window)
            assert 0 <= start <= end <= len(item.text + (item.text_pair or ""))


@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3),
    st.none() | st.integers(1, 40),
    st.none() | st.integers(0, 40),
)
def test_contexts_are_cut_as_they_would_be_run(encoder, texts, max_seq_len, doc_stride):
    task = QuestionAnsweringTask(encoder, max_tokens=32)
    inputs = [QuestionInput(question, (context,)) for question, context in texts]
    request = QuestionAnsweringRequest(inputs, max_seq_len=max_seq_len, doc_stride=doc_stride)
    for item, each in zip(inputs, check(task, request), strict=False):
        check_offsets(item.question, each.texts["question"])
        check_offsets(item.contexts[0], each.texts["context"])
        assert each.windows[0][0].first == 0
        assert each.windows[-1][0].last == len(each.texts["context"])


def test_a_windows_characters_are_those_of_its_tokens(encoder):
    task = ClassificationTask(
        encoder, labels=("a", "b"), problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )
    text = " ".join(["good"] * 40)
    [each] = task.tokenize(ClassificationRequest([ClassificationInput(text)]))
    assert [(window.first, window.last) for window, _ in each.windows][:2] == [(0, 14), (11, 25)]
    start, end = each.characters(each.windows[1][0])
    assert text[start:end].split() == ["good"] * 14


@pytest.mark.parametrize("text", ["", " ", "\u200b"])
def test_a_text_without_tokens_has_one_window_of_nothing(encoder, text):
    task = ClassificationTask(
        encoder, labels=("a", "b"), problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )
    [each] = task.tokenize(ClassificationRequest([ClassificationInput(text)]))
    [(window, length)] = each.windows
    assert length == 2 + window.last
    assert 0 <= each.characters(window)[1] <= len(text)
