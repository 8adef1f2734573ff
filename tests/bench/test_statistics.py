import pytest

from bench.statistics import (
    Spread,
    paired_differences,
    paired_ratios,
    percentile,
    spread_of,
)


def test_the_spread_is_median_and_both_ends():
    assert spread_of([5.0, 1.0, 2.0]) == Spread(median=2.0, lowest=1.0, highest=5.0)


def test_one_slow_round_does_not_move_the_median_of_paired_ratios():
    ratios = paired_ratios([8.0, 4.0, 8.0], [10.0, 5.0, 10.0])
    assert ratios == pytest.approx([0.8, 0.8, 0.8])


def test_differences_are_taken_within_a_round():
    assert paired_differences([3.0, 30.0], [1.0, 27.0]) == [2.0, 3.0]


def test_rounds_that_were_not_measured_on_both_sides_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        paired_ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("share", "expected"), [(0.0, 10.0), (0.5, 30.0), (0.99, 49.6), (1, 50.0)])
def test_percentiles_interpolate_between_the_values(share, expected):
    assert percentile([50.0, 10.0, 30.0, 20.0, 40.0], share) == pytest.approx(expected)
