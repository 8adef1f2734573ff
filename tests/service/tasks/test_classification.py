"""Scores, windows and pooling of classification."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_directory.manifest import ProblemType
from service.tasks.classification import (
    Activation,
    ClassificationInput,
    ClassificationRequest,
    ClassificationTask,
    WindowSpan,
    activate,
    default_activation,
)
from service.tasks.errors import InputError
from service.tasks.truncation import Truncation

LABELS = ("a", "b", "c")
LONG = " ".join(["good"] * 40)


@pytest.fixture
def task(encoder):
    return ClassificationTask(
        encoder, labels=LABELS, problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )


def request(*texts, **options):
    return ClassificationRequest([ClassificationInput(text) for text in texts], **options)


def decode(task, request, *rows):
    prepared = task.prepare(request)
    return task.decode(prepared, [(np.asarray(row, dtype=np.float32),) for row in rows])


def test_labels_come_best_first_with_probabilities_that_add_up_to_one(task):
    [predictions] = decode(task, request("good"), [1.0, 3.0, 2.0])
    assert [prediction.label for prediction in predictions] == ["b", "c", "a"]
    powers = np.exp([3.0, 2.0, 1.0])
    assert [prediction.score for prediction in predictions] == pytest.approx(powers / powers.sum())


def test_top_k_keeps_the_best_labels(task):
    [predictions] = decode(task, request("good", top_k=2), [1.0, 3.0, 2.0])
    assert [prediction.label for prediction in predictions] == ["b", "c"]
    [predictions] = decode(task, request("good", top_k=99), [1.0, 3.0, 2.0])
    assert len(predictions) == 3


def test_equal_scores_keep_the_order_of_the_labels(task):
    [predictions] = decode(task, request("good"), [0.0, 0.0, 0.0])
    assert [prediction.label for prediction in predictions] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("problem_type", "labels", "activation"),
    [
        (ProblemType.SINGLE_LABEL, 2, Activation.SOFTMAX),
        (ProblemType.SINGLE_LABEL, 1, Activation.SIGMOID),
        (ProblemType.MULTI_LABEL, 3, Activation.SIGMOID),
        (ProblemType.REGRESSION, 1, Activation.NONE),
    ],
)
def test_the_default_activation_follows_the_problem_type(problem_type, labels, activation):
    assert default_activation(problem_type, labels) is activation


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9))
def test_activations_neither_overflow_nor_leave_their_range(logits):
    softmax = activate(logits, Activation.SOFTMAX)
    sigmoid = activate(logits, Activation.SIGMOID)
    assert sum(softmax) == pytest.approx(1)
    assert all(0 <= score <= 1 for score in softmax + sigmoid)
    assert activate(logits, Activation.NONE) == logits


def test_a_long_text_is_scored_in_windows_that_hold_all_of_it(task):
    prepared = task.prepare(request(LONG, "good"))
    assert prepared.plan.rows_per_input == [4, 1]
    assert all(sequence.length <= 16 for sequence in prepared.sequences)
    assert prepared.tokens == sum(sequence.length for sequence in prepared.sequences)


def test_windows_of_exclusive_labels_are_averaged_by_their_tokens(task):
    rows = [[10, 0, 0]] * 3 + [[0, 10, 0]]
    weights = task.prepare(request(LONG)).plan.weights
    [predictions] = decode(task, request(LONG), *rows)
    assert weights == [14, 14, 14, 7]
    assert predictions[0].label == "a"
    assert predictions[0].score == pytest.approx(42 / 49, abs=1e-3)


def test_windows_of_independent_labels_keep_their_largest_score(task):
    rows = [[-5, -5, -5]] * 3 + [[-5, 5, -5]]
    [predictions] = decode(task, request(LONG, activation=Activation.SIGMOID), *rows)
    assert predictions[0].label == "b"
    assert predictions[0].score == pytest.approx(1 / (1 + np.exp(-5)))


def test_windows_of_a_multi_label_model_keep_their_largest_logit_too(encoder):
    task = ClassificationTask(
        encoder, labels=LABELS, problem_type=ProblemType.MULTI_LABEL, max_tokens=16
    )
    rows = [[-5, -5, -5]] * 3 + [[-5, 5, -5]]
    [predictions] = decode(task, request(LONG, activation=Activation.NONE), *rows)
    assert (predictions[0].label, predictions[0].score) == ("b", 5)


def test_each_window_is_told_with_its_place_and_its_scores(task):
    rows = [[10, 0, 0], [5, 0, 0], [0, 5, 0], [0, 10, 0], [0, 0, 9]]
    asked = request(LONG, "good", return_windows=True, activation=Activation.NONE, top_k=2)
    long, short = decode(task, asked, *rows)
    assert [prediction.label for prediction in long.predictions] == ["a", "b"]
    assert [window.scores for window in long.windows] == [[10, 0], [5, 0], [0, 5], [0, 10]]
    places = [window.span for window in long.windows]
    assert places[0] == WindowSpan("text", 0, len(" ".join(["good"] * 14)))
    assert places[-1].end == len(LONG)
    assert short.windows[0].span == WindowSpan("text", 0, 4)
    assert short.windows[0].scores == [prediction.score for prediction in short.predictions]


@pytest.mark.parametrize(
    ("truncation", "spans"),
    [(Truncation.RIGHT, [(0, 14 * 5 - 1)]), (Truncation.LEFT, [(26 * 5 - 1, 40 * 5 - 1)])],
)
def test_what_is_kept_of_a_text_is_one_window(task, truncation, spans):
    asked = request(LONG, return_windows=True, truncation=truncation)
    [result] = decode(task, asked, [1, 2, 3])
    assert [(window.span.start, window.span.end) for window in result.windows] == spans


def test_the_windows_of_a_pair_name_the_text_that_was_cut(task):
    for first, second, field in ((LONG, "good", "text"), ("good", LONG, "text_pair")):
        pair = [ClassificationInput(first, second)]
        plan = task.prepare(ClassificationRequest(pair, return_windows=True)).plan
        assert {span.field for span in plan.spans} == {field}
        assert (plan.spans[0].start, plan.spans[-1].end) == (0, len(LONG))


WORDS = ["good", "the film", "ＡＢＣ", "e\u0301", "漢字", "👍🏽", "\u200b", "\r\n"]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), min_size=1, max_size=3),
    st.sampled_from([ProblemType.SINGLE_LABEL, ProblemType.MULTI_LABEL]),
    st.randoms(use_true_random=False),
)
def test_the_labels_are_those_of_the_windows_pooled(encoder, texts, problem_type, random):
    task = ClassificationTask(encoder, labels=LABELS, problem_type=problem_type, max_tokens=16)
    asked = request(*texts, return_windows=True)
    prepared = task.prepare(asked)
    logits = [
        (np.asarray([random.uniform(-9, 9) for _ in LABELS], np.float32),)
        for _ in prepared.sequences
    ]
    plain = task.decode(task.prepare(request(*texts)), logits)
    windowed = task.decode(prepared, logits)
    assert [result.predictions for result in windowed] == plain
    weights = iter(prepared.plan.weights)
    for text, result in zip(texts, windowed, strict=True):
        spans = [(window.span.start, window.span.end) for window in result.windows]
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert spans == sorted(spans)
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert text[end:start].strip() == ""  # nothing between two windows is left out
        scores = np.array([window.scores for window in result.windows])
        tokens = np.array([next(weights) for _ in spans])
        if problem_type is ProblemType.MULTI_LABEL:
            expected = scores.max(axis=0)
        else:
            expected = (scores * tokens[:, None]).sum(axis=0) / max(tokens.sum(), 1)
        if tokens.sum() > 0:
            assert [item.score for item in result.predictions] == pytest.approx(expected.tolist())


def test_truncation_keeps_the_end_that_was_asked_for(task, encoder):
    ids = encoder.encode([f"bad {LONG} music"])[0].ids
    right = task.prepare(request(f"bad {LONG} music", truncation=Truncation.RIGHT)).sequences
    left = task.prepare(request(f"bad {LONG} music", truncation=Truncation.LEFT)).sequences
    assert [row.input_ids[1:-1].tolist() for row in right] == [ids[:14].tolist()]
    assert [row.input_ids[1:-1].tolist() for row in left] == [ids[-14:].tolist()]


def test_truncation_error_names_both_counts(task):
    with pytest.raises(InputError, match=r"has 40 tokens and the model takes 14") as refusal:
        task.prepare(request("good", LONG, truncation=Truncation.ERROR))
    assert (refusal.value.index, refusal.value.field) == (1, "text")


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        ("good", "bad", 1),
        ("good", LONG, 5),
        (LONG, "good", 5),
        ("good" + " good" * 10, "good good", 1),
    ],
)
def test_of_a_pair_the_longer_text_is_cut(task, first, second, rows):
    pair = ClassificationRequest([ClassificationInput(first, second)])
    prepared = task.prepare(pair)
    assert len(prepared.sequences) == rows
    assert all(row.length <= 16 and row.token_type_ids[-1] == 1 for row in prepared.sequences)


def test_a_pair_of_two_long_texts_is_refused(task):
    with pytest.raises(InputError, match="Both texts of the pair are long") as refusal:
        task.prepare(ClassificationRequest([ClassificationInput(LONG, LONG)]))
    assert refusal.value.index == 0


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_any_text_gives_rows_that_the_model_takes(encoder, texts):
    task = ClassificationTask(
        encoder, labels=LABELS, problem_type=ProblemType.SINGLE_LABEL, max_tokens=16
    )
    prepared = task.prepare(request(*texts))
    assert len(prepared.plan.rows_per_input) == len(texts)
    assert all(2 <= row.length <= 16 for row in prepared.sequences)
    assert task.estimate_lengths(request(*texts))
