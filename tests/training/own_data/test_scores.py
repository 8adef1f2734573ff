from collections.abc import Sequence

import pytest

from training.own_data.scores import score_labels


def sets(*numbers: Sequence[int]) -> list[frozenset[int]]:
    return [frozenset(one) for one in numbers]


def test_scores_of_exclusive_labels() -> None:
    expected = sets([0], [0], [0], [1], [1], [2])
    predicted = sets([0], [0], [1], [1], [0], [0])
    scores = score_labels(predicted, expected, ("a", "b", "c"))
    assert scores.accuracy == pytest.approx(3 / 6)
    a, b, c = scores.labels
    assert (a.precision, a.recall, a.f1, a.support) == pytest.approx((1 / 2, 2 / 3, 4 / 7, 3))
    assert (b.precision, b.recall, b.f1, b.support) == pytest.approx((1 / 2, 1 / 2, 1 / 2, 2))
    assert (c.precision, c.recall, c.f1, c.support) == (0, 0, 0, 1)
    assert scores.macro_f1 == pytest.approx((4 / 7 + 1 / 2) / 3)
    assert scores.micro_f1 == pytest.approx(3 / 6)


def test_scores_of_several_labels_a_text() -> None:
    scores = score_labels(sets([0, 1], [], [1]), sets([0], [], [0, 1]), ("a", "b"))
    assert scores.accuracy == pytest.approx(1 / 3)
    assert scores.micro_f1 == pytest.approx(2 * 2 / (3 + 3))


def test_labels_that_do_not_occur_do_not_lower_the_mean() -> None:
    scores = score_labels(sets([0], [0]), sets([0], [0]), ("a", "never"))
    assert scores.macro_f1 == 1.0
    assert scores.labels[1].support == 0
