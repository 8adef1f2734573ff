from itertools import pairwise

import pytest

from bench.open_loop_arrivals import poisson, regular


def test_poisson_arrivals_have_the_rate_that_was_asked_for_and_gaps_of_any_length():
    arrivals = poisson(50.0, 400.0, seed=3)
    assert arrivals == sorted(arrivals)
    assert arrivals[0] > 0
    assert arrivals[-1] < 400
    assert len(arrivals) == pytest.approx(20_000, rel=0.03)
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05), "the gaps are exponential"


def test_arrivals_are_the_same_for_the_same_seed_only():
    assert poisson(5.0, 10.0, seed=1) == poisson(5.0, 10.0, seed=1)
    assert poisson(5.0, 10.0, seed=1) != poisson(5.0, 10.0, seed=2)


def test_regular_arrivals_are_evenly_spaced():
    assert regular(4.0, 1.0) == [0.0, 0.25, 0.5, 0.75]
