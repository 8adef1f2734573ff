from pathlib import Path

import numpy as np
import pytest

from bench.checkpoints import TINY, config_of
from export.config import AlbertConfig
from export.quantisation.agreement import compare, describe


def config(labels: tuple[str, ...] | None, problem_type: str | None = None) -> AlbertConfig:
    return AlbertConfig.model_validate(config_of(TINY, labels, problem_type))


def logits(*rows: list[float]) -> list[np.ndarray]:
    return [np.array(row, np.float32) for row in rows]


def test_one_label_of_several_agrees_by_the_first() -> None:
    found = compare(
        config(("a", "b")), logits([0, 2], [2, 0], [0, 3]), logits([0, 1], [0, 2], [0, 3])
    )
    assert found.texts == 3
    assert found.agreement == pytest.approx(2 / 3)
    sure, less = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))
    assert found.mean_drift == pytest.approx(((sure - less) + (2 * sure - 1)) / 3)
    assert found.max_drift == pytest.approx(2 * sure - 1)


def test_a_tie_is_no_disagreement() -> None:
    found = compare(config(("a", "b")), logits([0.01, 0.0]), logits([0.0, 0.01]))
    assert found.agreement == 1


def test_several_labels_agree_when_every_decision_is_the_same() -> None:
    several = config(("a", "b", "c"), "multi_label_classification")
    found = compare(
        several,
        logits([3, -3, 0.001], [3, 3, -3]),
        logits([2, -4, -0.001], [3, -1, -3]),
    )
    assert found.agreement == 0.5


def test_a_regression_is_measured_in_shares_of_its_largest_value() -> None:
    value = config(("score",), "regression")
    found = compare(value, logits([0.0], [-10.0]), logits([0.5], [-10.0]))
    assert found.mean_drift == pytest.approx(0.025)
    assert found.agreement == 1
    assert compare(value, logits([0.0], [-10.0]), logits([3.0], [-10.0])).agreement == 0.5


def test_a_span_agrees_when_it_is_nearly_as_likely() -> None:
    spans = config(None)
    expected = np.zeros((2, 5), np.float32)
    expected[0, 1], expected[1, 3] = 9, 9
    near, far = expected.copy(), expected.copy()
    near[0, 1] = 8
    far[0, 2] = 12
    assert compare(spans, [expected], [near]).agreement == 1
    assert compare(spans, [expected], [far]).agreement == 0


def test_an_end_never_comes_before_its_start() -> None:
    spans = config(None)
    expected = np.zeros((2, 6), np.float32)
    expected[0, 4], expected[1, 1] = 5, 5  # each the likeliest, but no span together
    assert compare(spans, [expected], [expected]).agreement == 1


def test_the_figures_read_as_part_of_a_sentence(tmp_path: Path) -> None:
    found = compare(config(("a", "b")), logits([0, 2]), logits([0, 2]))
    assert describe(found) == (
        "agreement 100.0%, drift 0.0000 on average and 0.000 at most over 1 texts"
    )
