"""Predicts how long a batch runs, from how long batches ran.

The time of an encoder of fixed weights over ``rows`` rows padded to ``length`` tokens is a call
overhead, a part that grows with the ``tokens`` of which products are computed (all, or where the
graph leaves padding out the real ones), one that grows with rows times length squared (attention),
and one that grows with the other positions, to which attention's values are copied all the same:

    seconds = overhead + per_token * tokens + per_token_pair * rows * length ** 2
              + per_padding * (rows * length - tokens)

The coefficients are kept up to date by weighted least squares with exponential forgetting.
Errors are taken relative to the measured time, so that a short run counts as much as a long one,
and coefficients below zero are not accepted.

Runs of like lengths say nothing of others: how much of their time is overhead, how much is for each
token, is then a matter of noise, and a text of 384 tokens was predicted from runs of three to take
hundreds of times as long as it does. So what was first measured, of short and of long rows, stays
as a few observations that are not forgotten, as much dearer or cheaper as the last runs were than
it says.
"""

from itertools import combinations
from math import sqrt
from typing import NamedTuple

FORGETTING = 0.98
"""Weight of what was known before, at each new run: the last 50 runs or so decide."""

REFIT_INTERVAL = 16
"""Runs between two solutions of the normal equations."""

RIDGE = 1e-9
"""Added to the diagonal of the scaled equations, which are singular where one feature is a multiple
of another."""

PRIOR_WEIGHT = 0.1
"""Of each observation that is not forgotten; the runs that decide weigh fifty together. Where
measured times differ by a fifth, runs of 3 to 8 tokens predict up to 1.9 times what 384 take with
0.01, and up to 1.3 times with 0.1 (four models, 20 times 1,000 runs, a one-off script)."""

GUESS_WEIGHT = 0.0001
"""The same, before anything was measured: it decides only what no run says anything of."""

PRIOR_SHAPES = (1, 8, 8), (1, 64, 64), (1, 512, 512), (8, 32, 256), (8, 64, 256)
"""Rows, padded length and tokens of the observations that are not forgotten."""

Vector = list[float]
Matrix = list[Vector]


class Coefficients(NamedTuple):
    """Seconds for a run, and for each of what it consists of."""

    overhead: float = 1e-3
    per_token: float = 1e-5
    per_token_pair: float = 0.0
    per_padding: float = 0.0


UNKNOWN = Coefficients(1e-3, 1e-4, 2e-8)
"""Of a model that has not run yet. A run's overhead is that of some ten tokens, as measured with
ALBERT-base's shape (docs/simulation.md)."""

COUNT = len(Coefficients._fields)
SUBSETS = [subset for size in range(1, COUNT + 1) for subset in combinations(range(COUNT), size)]


class CostModel:
    """Predicted seconds of a batch. Not thread-safe: its owner is the scheduler, which calls it
    under its lock.

    Plain floats: for so few numbers numpy's calls cost ten times as much, with everyone waiting.
    """

    def __init__(self, coefficients: Coefficients = UNKNOWN) -> None:
        self._coefficients = coefficients
        self._prior = _Prior(coefficients, GUESS_WEIGHT)
        self._gram: Matrix = [[0.0] * COUNT for _ in range(COUNT)]
        self._moment: Vector = [0.0] * COUNT
        self._since_fit = 0

    def predict(self, rows: int, length: int, tokens: int | None = None) -> float:
        """Seconds that a batch of ``rows`` rows padded to ``length`` tokens will run. ``tokens``:
        of which products are computed; None for all.
        """
        return _seconds(self._coefficients, rows, length, tokens)

    def observe(self, rows: int, length: int, seconds: float, tokens: int | None = None) -> None:
        """Learn that a batch of ``rows`` rows padded to ``length`` tokens ran for ``seconds``."""
        if seconds <= 0:
            return
        features = [count / seconds for count in _counts(rows, length, tokens)]
        self._prior.observe(_seconds(self._prior.coefficients, rows, length, tokens) / seconds)
        moment = self._moment
        for row, feature in enumerate(features):
            products = self._gram[row]
            for column, other in enumerate(features):
                products[column] = FORGETTING * products[column] + feature * other
            moment[row] = FORGETTING * moment[row] + feature
        self._since_fit += 1
        if self._since_fit >= REFIT_INTERVAL:
            self.fit()

    def fit(self) -> None:
        """Solve for the coefficients now, from all that was observed."""
        self._since_fit = 0
        prior_gram, prior_moment = self._prior.equations()
        gram = [_added(*rows) for rows in zip(self._gram, prior_gram, strict=True)]
        best = nonnegative_least_squares(gram, _added(self._moment, prior_moment))
        if best is not None:
            self._coefficients = Coefficients(*best)

    def calibrated(self) -> None:
        """Never forget what was observed until now, which was of short and of long rows."""
        self.fit()
        self._prior = _Prior(self._coefficients, PRIOR_WEIGHT)


class _Prior:
    """Observations that are not forgotten: what ``coefficients`` say, in the measure of now."""

    def __init__(self, coefficients: Coefficients, weight: float) -> None:
        self.coefficients = coefficients
        self._weight = weight
        self._ratios = self._squares = 0.0
        """Sums, with forgetting, of what they predicted over what was measured."""

    def observe(self, ratio: float) -> None:
        """They predicted a run to take ``ratio`` times what it took."""
        self._ratios = FORGETTING * self._ratios + ratio
        self._squares = FORGETTING * self._squares + ratio * ratio

    def equations(self) -> tuple[Matrix, Vector]:
        """Their part of the normal equations."""
        # By which the last runs are best predicted.
        scale = self._ratios / self._squares if self._squares else 1.0
        gram, moment = [[0.0] * COUNT for _ in range(COUNT)], [0.0] * COUNT
        for shape in PRIOR_SHAPES:
            seconds = scale * _seconds(self.coefficients, *shape)
            if seconds <= 0:
                continue
            features = [count / seconds for count in _counts(*shape)]
            for row, feature in enumerate(features):
                for column, other in enumerate(features):
                    gram[row][column] += self._weight * feature * other
                moment[row] += self._weight * feature
        return gram, moment


def _counts(rows: int, length: int, tokens: int | None) -> tuple[float, ...]:
    """What a batch consists of, in the order of the coefficients."""
    padded = rows * length
    computed = padded if tokens is None else tokens
    return 1, computed, padded * length, padded - computed


def _seconds(coefficients: Coefficients, rows: int, length: int, tokens: int | None) -> float:
    overhead, per_token, per_token_pair, per_padding = coefficients
    padded = rows * length
    computed = padded if tokens is None else tokens
    return (
        overhead
        + per_token * computed
        + per_token_pair * padded * length
        + per_padding * (padded - computed)
    )


def _added(first: Vector, second: Vector) -> Vector:
    return [one + other for one, other in zip(first, second, strict=True)]


def nonnegative_least_squares(gram: Matrix, moment: Vector) -> Vector | None:
    """The best non-negative solution of ``gram @ x = moment`` over all subsets of the
    coefficients; None when nothing was observed. What was never seen has a coefficient of 0.

    Four unknowns have fifteen subsets: trying them all is simpler than an active-set method, and
    exact.
    """
    scale = [sqrt(gram[each][each]) for each in range(COUNT)]
    best: Vector | None = None
    best_gain = 0.0
    for subset in SUBSETS:
        if not all(scale[each] for each in subset):
            continue
        matrix = [
            [
                gram[row][column] / (scale[row] * scale[column]) + (RIDGE if row == column else 0)
                for column in subset
            ]
            for row in subset
        ]
        vector = [moment[row] / scale[row] for row in subset]
        solution = _solved(matrix, vector)
        gain = sum(value * target for value, target in zip(solution, vector, strict=True))
        if min(solution) >= 0 and gain > best_gain:
            best_gain = gain
            best = [0.0] * COUNT
            for each, value in zip(subset, solution, strict=True):
                best[each] = value / scale[each]
    return best


def _solved(matrix: Matrix, vector: Vector) -> Vector:
    """The ``x`` of ``matrix @ x = vector``, by Gaussian elimination. No pivot is chosen: the matrix
    is symmetric and positive definite.
    """
    rows = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    for first, pivot in enumerate(rows):
        for row in rows[first + 1 :]:
            factor = row[first] / pivot[first]
            for column in range(first, len(row)):
                row[column] -= factor * pivot[column]
    solution: Vector = [0.0] * len(rows)
    for index in reversed(range(len(rows))):
        *coefficients, value = rows[index]
        known = range(index + 1, len(rows))
        value -= sum(coefficients[other] * solution[other] for other in known)
        solution[index] = value / coefficients[index]
    return solution
