import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from export.quantisation.codes import (
    ACTIVATION_CODES,
    QUERY_CODES,
    Range,
    affine,
    best_range,
    round_rows,
    round_weight,
    rounded,
    symmetric,
)

INT16 = np.iinfo(np.int16)

weights = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 33), st.integers(1, 5)),
    elements=st.floats(-50, 50, width=32),
)


@given(weights)
def test_no_pair_of_weights_can_leave_16_bits_whatever_it_is_multiplied_with(
    weight: np.ndarray,
) -> None:
    codes, _ = round_weight(weight)
    even = codes[: len(codes) // 2 * 2].astype(np.int64)
    # The activations that make the sum of a pair the largest, and the smallest.
    highest = ACTIVATION_CODES * np.maximum(even, 0).reshape(-1, 2, codes.shape[1]).sum(axis=1)
    lowest = ACTIVATION_CODES * np.minimum(even, 0).reshape(-1, 2, codes.shape[1]).sum(axis=1)
    assert highest.max(initial=0) <= INT16.max
    assert lowest.min(initial=0) >= INT16.min


def test_a_query_cannot_make_a_pair_of_keys_leave_16_bits() -> None:
    assert INT16.max >= QUERY_CODES * (127 + 127)


@given(weights)
def test_a_rounded_weight_is_within_half_a_step(weight: np.ndarray) -> None:
    codes, scales = round_weight(weight)
    assert codes.dtype == np.int8
    assert scales.shape == weight.shape[1:]
    assert (np.abs(codes * scales.astype(np.float64) - weight) <= 0.5001 * scales).all()


@given(weights)
def test_scales_are_at_most_twice_those_of_all_codes(weight: np.ndarray) -> None:
    _, scales = round_weight(weight)
    peaks = np.abs(weight).max(axis=0)
    least = np.finfo(np.float32).tiny
    assert (scales <= np.maximum(2.001 * peaks / 127, least)).all()


def test_weights_too_small_for_a_scale_vanish() -> None:
    codes, scales = round_weight(np.array([[1e-40, 3.0], [-1e-42, -3.0]]))
    assert codes.tolist() == [[0, 127], [0, -127]]
    assert (scales > 0).all()


def test_random_weights_lose_little_to_the_pairs() -> None:
    weight = np.random.default_rng(0).standard_normal((768, 64))
    _, scales = round_weight(weight)
    assert np.median(scales / (np.abs(weight).max(axis=0) / 127)) < 1.5


def test_rows_have_a_scale_each() -> None:
    table = np.array([[0.0, 0.0], [1.0, -2.0], [1e-3, 5e-4]], np.float32)
    codes, scales = round_rows(table)
    assert codes.tolist() == [[0, 0], [64, -127], [127, 64]]
    np.testing.assert_allclose(codes * scales, table, rtol=0.01)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_zero_is_a_code_of_its_own(one: float, other: float) -> None:
    code = affine(Range(min(one, other), max(one, other)))
    assert 0 <= code.zero_point <= ACTIVATION_CODES
    assert rounded(np.zeros(1), code) == 0


def test_codes_cover_the_range() -> None:
    code = affine(Range(-0.2, 5.0))
    values = np.array([-0.2, 0.0, 2.5, 5.0])
    np.testing.assert_allclose(rounded(values, code), values, atol=code.scale)
    assert symmetric(Range(-3.0, 1.0), 127) == pytest.approx(3 / 127)
    assert symmetric(Range(0.0, 0.0), 127) == 1.0


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_the_best_range_is_no_worse_than_the_extremes(seed: int) -> None:
    values = np.random.default_rng(seed).standard_t(2, 2000)
    low, high = float(values.min()), float(values.max())

    def error(span: Range) -> float:
        return float(np.square(rounded(values, affine(span)) - values).mean())

    best = best_range(values, low, high)
    assert low <= best.low <= best.high <= high
    assert error(best) <= 1.02 * error(Range(low, high))


def test_a_single_outlier_does_not_use_up_the_codes() -> None:
    values = np.append(np.random.default_rng(0).standard_normal(1_000_000), 20.0)
    assert best_range(values, -4.5, 20.0).high < 11


def test_a_range_keeps_what_lies_on_the_short_side_of_zero() -> None:
    values = np.maximum(np.random.default_rng(0).standard_normal(2000), -0.17)
    assert best_range(values, -0.17, 4.0).low < -0.15
