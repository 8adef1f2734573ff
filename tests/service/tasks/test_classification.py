"""Scores, windows and pooling of classification."""

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
    Truncation,
    activate,
    default_activation,
)
from service.tasks.errors import InputError

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
    rows = np.asarray([logits], dtype=np.float64)
    softmax = activate(rows, Activation.SOFTMAX)
    sigmoid = activate(rows, Activation.SIGMOID)
    assert softmax.sum() == pytest.approx(1)
    assert np.all((sigmoid >= 0) & (sigmoid <= 1))
    assert activate(rows, Activation.NONE).tolist() == rows.tolist()


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
