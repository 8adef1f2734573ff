"""Rounds weights and activations to 8-bit codes.

A product of codes must come to the same on every processor. Without VNNI instructions x86
multiplies pairs of neighbouring codes and adds them in 16 bits that saturate (``vpmaddubsw``), so
weights are scaled such that no pair can leave 16 bits, whatever the activations are. Random weights
get steps a third larger by that; limiting them to 7 bits would make the steps twice as large.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ACTIVATION_CODES = 255  # uint8, from 0
QUERY_CODES = 127  # a query meets keys, whose pairs are not known before run time
_WEIGHT_CODES = 127
# 255 (a + b) stays within int16 for a + b <= 128; rounding to codes may add 1.
_PAIR_CODES = 127
# The least float32 whose digits are all there: a scale below would be rounded so coarsely that
# codes could leave their range.
_LEAST_SCALE = float(np.finfo(np.float32).tiny)
# For the choice of a range: values are counted in bins, 64 to a code, and each end may
# stay where it is or go down to a fifth.
_BINS = 64 * ACTIVATION_CODES
_SHARES = np.linspace(1.0, 0.2, 33)

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Range:
    """The values that codes stand for; what lies outside is cut off."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Affine:
    """``value = scale * (code - zero_point)``, the zero among the codes."""

    scale: float
    zero_point: int


def affine(span: Range, codes: int = ACTIVATION_CODES) -> Affine:
    """Return the scale whose codes 0 to ``codes`` cover the range and zero."""
    low, high = min(span.low, 0.0), max(span.high, 0.0)
    scale = _stored((high - low) / codes)
    return Affine(scale, min(codes, round(-low / scale)))


def symmetric(span: Range, codes: int) -> float:
    """Return the scale whose codes -``codes`` to ``codes`` cover the range."""
    return _stored(max(-span.low, span.high) / codes)


def _stored(scale: float) -> float:
    """Return the scale as float32 holds it; of a range of nothing but zero, 1."""
    return float(np.float32(max(scale, _LEAST_SCALE))) if scale else 1.0


def round_weight(weight: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 codes [in, out] and float32 scales [out] of a weight [in, out].

    ``weight`` is nearly ``codes * scales``; no two neighbours along the inputs with one sign, the
    first of them at an even place, add up to more than 128 codes.
    """
    scales = np.abs(weight).max(axis=0) / _WEIGHT_CODES
    even = weight[: len(weight) // 2 * 2]
    pairs = np.abs(even[0::2] + even[1::2]).max(axis=0, initial=0.0)
    scales = np.maximum(np.maximum(scales, pairs / _PAIR_CODES), _LEAST_SCALE).astype(np.float32)
    return np.rint(weight / scales).astype(np.int8), scales


def round_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 codes of a table [rows, width] and float32 scales [rows, 1]."""
    scales = np.abs(table).max(axis=1, keepdims=True) / _WEIGHT_CODES
    scales = np.maximum(scales, _LEAST_SCALE).astype(np.float32)
    return np.rint(table / scales).astype(np.int8), scales


def best_range(values: Floats, low: float, high: float) -> Range:
    """Return the range within ``low`` to ``high`` whose codes are nearest to the values.

    ``low`` and ``high`` are the extremes seen, ``values`` a sample. First the upper end is moved
    towards zero, then the lower one, each to where the squared error of the sample is least.
    """
    if not low < high:
        return Range(low, high)
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    kept = counts > 0
    centres, counts = centres[kept], counts[kept]

    def error(span: Range) -> float:
        return float((np.square(rounded(centres, affine(span)) - centres) * counts).sum())

    best = min((Range(low, high * share) for share in _SHARES), key=error)
    return min((Range(low * share, best.high) for share in _SHARES), key=error)


def rounded(values: Floats, code: Affine) -> Floats:
    """Return what is left of the values after rounding."""
    codes = np.clip(np.rint(values / code.scale) + code.zero_point, 0, ACTIVATION_CODES)
    result: Floats = (codes - code.zero_point) * code.scale
    return result
