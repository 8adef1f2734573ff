"""Span decoding against the outer product that defines it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.tasks.spans import best_spans, window_probabilities

probabilities = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[arrays.arrays(np.float64, n, elements=st.floats(0, 1))] * 2)
)


def all_spans(start, end, longest):
    """Every allowed span by definition, best first, ties by position."""
    outer = np.tril(np.triu(np.outer(start, end)), longest - 1)
    spans = [
        (first, last, outer[first, last])
        for first in range(len(start))
        for last in range(first, min(len(start), first + longest))
    ]
    return sorted(spans, key=lambda span: (-span[2], span[0], span[1]))


@given(probabilities, st.integers(1, 60), st.integers(1, 30))
def test_the_best_spans_are_those_of_the_masked_outer_product(pair, longest, count):
    start, end = pair
    assert best_spans(start, end, longest, count) == all_spans(start, end, longest)[:count]


def test_only_the_classifier_token_and_the_context_take_part_in_the_softmax():
    start = np.array([1.0, 50.0, 50.0, 2.0, 3.0, 50.0], dtype=np.float32)
    window = window_probabilities(start, start, 3, 5)
    powers = np.exp([1.0, 2.0, 3.0])
    expected = powers / powers.sum()
    assert window.null_score == pytest.approx(expected[0] ** 2)
    assert window.start.tolist() == pytest.approx([0, 0, 0, *expected[1:], 0])


def test_large_logits_do_not_overflow():
    window = window_probabilities(
        np.array([0, 3e4, -3e4], np.float32), np.array([3e4, 0, 0], np.float32), 1, 3
    )
    assert window.start.tolist() == [0, 1, 0]
    assert window.null_score == 0
