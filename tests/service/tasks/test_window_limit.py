"""A request that would be cut into too many windows is refused before any of them is made."""

import pytest

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

MOST = 10


@pytest.fixture
def questions(encoder):
    return QuestionAnsweringTask(encoder, max_tokens=32)


@pytest.fixture
def texts(encoder):
    return ClassificationTask(
        encoder, labels=("a", "b"), problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )


@pytest.fixture
def no_rows(monkeypatch, encoder):
    """Whoever makes a row has come too far."""
    for name in ("single", "pair"):
        monkeypatch.delattr(type(encoder), name)


def asked(*contexts, doc_stride=0, most=MOST):
    """Contexts of so many words; a window has room for 28."""
    inputs = [QuestionInput("where", (" ".join(["good"] * words),)) for words in contexts]
    return QuestionAnsweringRequest(inputs, doc_stride=doc_stride, most_windows=most)


def refusal_of(function):
    with pytest.raises(InputError) as refusal:
        function()
    return refusal.value


@pytest.mark.parametrize("way", ["prepare", "tokenize"])
@pytest.mark.parametrize(
    ("request_", "place", "count"),
    [
        (asked(28 + 11, doc_stride=27), (0, "context"), 12),
        (asked(1, 1, 28 + 9, doc_stride=27), (2, "context"), 12),
        (asked(*[1] * 11), (10, "context"), 11),
        (
            QuestionAnsweringRequest(
                [QuestionInput("where", ("good",) * 12, several=True)], most_windows=MOST
            ),
            (0, "contexts[10]"),
            11,
        ),
    ],
)
def test_too_many_windows_of_contexts_are_refused(questions, no_rows, way, request_, place, count):
    error = refusal_of(lambda: list(getattr(questions, way)(request_)))
    assert (error.index, error.field) == place
    assert error.message.startswith(
        f"Up to here the request has {count} windows and at most {MOST} are allowed: a smaller "
        "doc_stride, a larger max_seq_len or a shorter question makes fewer"
    )


@pytest.mark.parametrize("way", ["prepare", "tokenize"])
@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ([("good " * 14 * MOST, None)], (0, "text")),
        ([("good", None)] * MOST + [("bad", None)], (MOST, "text")),
        ([("good", None), ("good", "good " * 14 * MOST)], (1, "text_pair")),
        ([("good", "bad")] * MOST + [("bad", "good")], (MOST, "text")),
    ],
)
def test_too_many_windows_of_texts_are_refused(texts, no_rows, way, inputs, place):
    request = ClassificationRequest(
        [ClassificationInput(*each) for each in inputs], most_windows=MOST
    )
    error = refusal_of(lambda: list(getattr(texts, way)(request)))
    assert (error.index, error.field) == place
    assert "at most 10 are allowed: send fewer or shorter texts" in error.message


def test_as_many_windows_as_are_allowed_are_made(questions, texts):
    assert len(questions.prepare(asked(28 + 9, doc_stride=27)).sequences) == MOST
    assert len(questions.prepare(asked(*[1] * MOST)).sequences) == MOST
    cut = ClassificationRequest([ClassificationInput("good " * 1000)] * MOST, most_windows=MOST)
    for kept in (Truncation.LEFT, Truncation.RIGHT):
        request = ClassificationRequest(cut.inputs, truncation=kept, most_windows=MOST)
        assert len(texts.prepare(request).sequences) == MOST


def test_megabytes_of_english_are_allowed(encoder):
    """As much as a body may hold by default, which is 2 MiB, and with windows of a third."""
    task = QuestionAnsweringTask(encoder, max_tokens=512)
    contexts = ["the river runs to the sea " * 7_500] * 10
    inputs = [QuestionInput("where does the river run", (context,)) for context in contexts]
    for max_seq_len, most in ((None, 2_500), (128, 10_000)):
        request = QuestionAnsweringRequest(inputs, max_seq_len=max_seq_len)
        windows = sum(len(each.windows) for each in task.tokenize(request))
        assert 1_000 < windows < most
