"""What a handful of repeated measurements says."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """Middle and ends of a figure that was measured several times, in the figure's own unit."""

    median: float
    lowest: float
    highest: float


def spread_of(values: Sequence[float]) -> Spread:
    """Median, lowest and highest of ``values`` (at least one)."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed, interpolated linearly."""
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


def paired_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """The ratio within each round: what slows the machine in one round slows both of its sides."""
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def paired_differences(left: Sequence[float], right: Sequence[float]) -> list[float]:
    """``left - right`` within each round, or of each text."""
    return [first - second for first, second in zip(left, right, strict=True)]
