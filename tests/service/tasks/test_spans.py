"""Span decoding against the outer product that defines it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.tasks import spans
from service.tasks.spans import WindowProbabilities, best_spans, window_probabilities

one_window = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[arrays.arrays(np.float64, n, elements=st.floats(0, 1))] * 2)
)
probabilities = st.lists(one_window, min_size=1, max_size=4)


def padded(windows):
    """Windows of different length as one array."""
    tokens = np.array([len(start) for start, _ in windows])
    start, end = (
        np.array([np.pad(pair[side], (0, tokens.max() - len(pair[side]))) for pair in windows])
        for side in (0, 1)
    )
    nothing = np.zeros(len(windows))
    return WindowProbabilities(start, end, tokens, nothing, nothing)


def all_spans(start, end, longest):
    """Every allowed span by definition, best first, ties by position."""
    outer = np.tril(np.triu(np.outer(start, end)), longest - 1)
    found = [
        (first, last, outer[first, last])
        for first in range(len(start))
        for last in range(first, min(len(start), first + longest))
    ]
    return sorted(found, key=lambda span: (-span[2], span[0], span[1]))


@pytest.mark.parametrize("most_scores", [1, spans.MOST_SCORES])
@given(probabilities, st.integers(1, 60), st.integers(1, 30))
def test_the_best_spans_are_those_of_the_masked_outer_product(most_scores, windows, longest, count):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "MOST_SCORES", most_scores)
        found = best_spans(padded(windows), longest, count)
    expected = [
        (number, *span)
        for number, (start, end) in enumerate(windows)
        for span in all_spans(start, end, longest)[:count]
    ]
    columns = (found.windows, found.first, found.last, found.scores)
    assert list(zip(*(one.tolist() for one in columns), strict=True)) == expected


def test_only_the_classifier_token_and_the_context_take_part_in_the_softmax():
    start = np.array([1.0, 50.0, 50.0, 2.0, 3.0, 50.0], dtype=np.float32)
    window = window_probabilities([(start, start)], [slice(3, 5)])
    powers = np.exp([1.0, 2.0, 3.0])
    expected = powers / powers.sum()
    assert window.null_scores.tolist() == pytest.approx([expected[0] ** 2])
    assert window.start.tolist() == [pytest.approx(expected[1:].tolist())]
    assert window.log_odds.tolist() == pytest.approx([-2 * np.log(expected[0])])


def test_a_window_is_not_changed_by_a_longer_one_beside_it():
    random = np.random.default_rng(0)
    rows = [slice(2, 5), slice(4, 40)]
    logits = [tuple(random.normal(size=(2, row.stop + 1)).astype(np.float32)) for row in rows]
    together = window_probabilities(logits, rows)
    for number, row in enumerate(rows):
        alone = window_probabilities([logits[number]], [row])
        tokens = row.stop - row.start
        assert together.start[number, :tokens].tolist() == pytest.approx(alone.start[0].tolist())
        assert not together.end[number, tokens:].any()
        assert together.null_scores[number] == pytest.approx(alone.null_scores[0])
        assert together.log_odds[number] == pytest.approx(alone.log_odds[0])


def test_large_logits_do_not_overflow():
    start, end = np.array([0, 3e4, -3e4], np.float32), np.array([3e4, 0, 0], np.float32)
    window = window_probabilities([(start, end)] * 2, [slice(1, 3)] * 2)
    assert window.start.tolist() == [[1, 0]] * 2
    assert window.null_scores.tolist() == [0, 0]
    assert window.shares().tolist() == [0.5, 0.5]


def test_thousands_of_windows_take_little_more_than_their_probabilities():
    windows, tokens = 6_000, 384
    logits = np.random.default_rng(1).normal(0, 3, tokens).astype(np.float32)
    pairs, rows = [(logits, logits)] * windows, [slice(1, tokens)] * windows
    tracemalloc.start()
    try:
        best_spans(window_probabilities(pairs, rows), 15, 12)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * 8 * windows * tokens
