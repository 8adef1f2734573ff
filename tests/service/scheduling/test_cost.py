"""The cost model learns the machine it runs on."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost import CostModel, nonnegative_least_squares

SHAPES = [(1, 8), (1, 32), (4, 32), (2, 128), (1, 384), (8, 16)]


def true_seconds(rows, length):
    return 2e-3 + rows * length * (4e-5 + 3e-8 * length)


def test_it_recovers_the_coefficients_it_was_shown():
    model = CostModel()
    for _ in range(10):
        for rows, length in SHAPES:
            model.observe(rows, length, true_seconds(rows, length))
    for rows, length in [(1, 64), (3, 200), (8, 32)]:
        assert model.predict(rows, length) == pytest.approx(true_seconds(rows, length), rel=0.02)


def test_it_tells_what_padding_costs_from_what_tokens_cost():
    def seconds(rows, length, tokens):
        return 2e-3 + 4e-5 * tokens + 3e-8 * rows * length**2 + 1e-6 * (rows * length - tokens)

    model = CostModel()
    for _ in range(20):
        for rows, length in SHAPES:
            for tokens in (rows * length, (rows + 1) * length // 2):
                model.observe(rows, length, seconds(rows, length, tokens), tokens)
    for rows, length, tokens in [(1, 64, 64), (3, 200, 300), (8, 32, 256)]:
        expected = seconds(rows, length, tokens)
        assert model.predict(rows, length, tokens) == pytest.approx(expected, rel=0.01)


def test_it_follows_a_machine_that_becomes_slower():
    model = CostModel()
    for factor in (1, 3):
        for _ in range(60):
            for rows, length in SHAPES:
                model.observe(rows, length, factor * true_seconds(rows, length))
    assert model.predict(4, 32) == pytest.approx(3 * true_seconds(4, 32), rel=0.1)


def calibrated():
    model = CostModel()
    for _ in range(2):
        for length in (8, 32, 128, 384):
            model.observe(1, length, true_seconds(1, length))
    model.calibrated()
    return model


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("lengths", [(3, 3), (23, 23), (3, 8), (5, 30), (300, 300)])
def test_runs_of_like_lengths_do_not_change_what_others_are_predicted(lengths, factor):
    model, random = calibrated(), Random(0)
    for _ in range(3000):
        length = random.randint(*lengths)
        model.observe(1, length, factor * true_seconds(1, length) * random.lognormvariate(0, 0.2))
    for length in (3, 16, 64, 384, 510):
        expected = factor * true_seconds(1, length)
        assert model.predict(1, length) == pytest.approx(expected, rel=0.35)


def test_one_shape_that_was_measured_says_something_of_others():
    model = CostModel()
    model.observe(1, 8, 0.5)
    model.calibrated()
    assert model.predict(1, 8) == pytest.approx(0.5, rel=0.01)
    assert 5 < model.predict(1, 384) < 50


def test_what_a_stall_took_is_not_kept():
    model = CostModel()
    for stall in (0.0, 30.0):
        for length in (8, 32, 128, 384):
            model.observe(1, length, true_seconds(1, length) + stall * (length == 384))
    model.calibrated()
    assert model.predict(1, 384) < 2 * true_seconds(1, 384)


def test_a_run_without_a_duration_teaches_nothing():
    model = CostModel()
    before = model.predict(1, 64)
    for _ in range(20):
        model.observe(1, 64, 0.0)
    assert model.predict(1, 64) == before


@given(
    st.lists(
        st.tuples(st.integers(1, 64), st.integers(1, 512), st.floats(1e-6, 10)),
        min_size=1,
        max_size=100,
    )
)
def test_a_prediction_is_never_negative_and_grows_with_the_batch(runs):
    model = CostModel()
    for rows, length, seconds in runs:
        model.observe(rows, length, seconds)
    model.fit()
    assert 0 <= model.predict(1, 8) <= model.predict(2, 8) <= model.predict(2, 64)


SHARES = st.integers(0, 64).map(lambda parts: parts / 64)
"""Of padding: positions are counted, so that a share is none or not next to none."""


@given(
    st.lists(
        st.tuples(st.integers(1, 64), st.integers(1, 512), SHARES, st.floats(1e-4, 10)),
        min_size=4,
        max_size=40,
    )
)
def test_no_other_coefficients_that_are_not_negative_fit_better(runs):
    features = np.array(
        [
            [1.0, rows * length * (1 - padding), rows * length**2, rows * length * padding]
            for rows, length, padding, _ in runs
        ]
    ) / np.array([[seconds] for *_, seconds in runs])
    gram, moment = features.T @ features, features.sum(axis=0)
    solution = np.array(nonnegative_least_squares(gram.tolist(), moment.tolist()))
    assert np.all(solution >= 0)
    # The conditions of Karush, Kuhn and Tucker, with each coefficient in its own scale.
    scale = np.maximum(np.sqrt(np.diag(gram)), 1e-300)
    slope = (gram @ solution - moment) / scale
    tolerance = 1e-5 * np.sqrt(len(runs))
    assert np.all(slope >= -tolerance)
    assert np.all(np.abs(slope[solution > 0]) <= tolerance)
