from statistics import mean, median

import pytest

from bench.lengths import MIXED


def test_the_mixed_lengths_are_those_that_the_figures_are_about():
    lengths = MIXED.sample(2_000)
    assert median(lengths) == pytest.approx(40, abs=1)
    assert mean(lengths) == pytest.approx(59, abs=1.5)
    assert max(lengths) == 384
    assert min(lengths) >= MIXED.shortest


def test_a_small_sample_has_the_same_lengths_whatever_its_order():
    first, second = MIXED.sample(64, seed=1), MIXED.sample(64, seed=2)
    assert first != second
    assert sorted(first) == sorted(second)


def test_the_order_is_repeatable():
    assert MIXED.sample(64) == MIXED.sample(64)


def test_short_and_long_texts_are_not_in_order():
    lengths = MIXED.sample(64)
    assert lengths not in (sorted(lengths), sorted(lengths, reverse=True))
