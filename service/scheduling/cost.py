"""Predicts how long a batch runs, from how long batches ran.

The time of an encoder of fixed weights over ``rows`` rows of ``length`` tokens is a call overhead,
a part that grows with the tokens (the matrix products) and one that grows with tokens times length
(attention):

    seconds = overhead + per_token * rows * length + per_token_pair * rows * length ** 2

The three coefficients are kept up to date by weighted least squares with exponential forgetting.
Errors are taken relative to the measured time, so that a short run counts as much as a long one,
and coefficients below zero are not accepted.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FORGETTING = 0.98
"""Weight of what was known before, at each new run: the last 50 runs or so decide."""

REFIT_INTERVAL = 16
"""Runs between two solutions of the normal equations (about 0.1 ms each)."""

Vector = NDArray[np.float64]


class CostModel:
    """Predicted seconds of a batch. Not thread-safe: its owner is the scheduler, which calls it
    under its lock.
    """

    def __init__(self, coefficients: tuple[float, float, float] = (1e-3, 1e-5, 0.0)) -> None:
        self._coefficients = coefficients
        self._gram: NDArray[np.float64] = np.zeros((3, 3))
        self._moment: Vector = np.zeros(3)
        self._since_fit = 0

    def predict(self, rows: int, length: int) -> float:
        """Seconds that a batch of ``rows`` rows padded to ``length`` tokens will run."""
        overhead, per_token, per_token_pair = self._coefficients
        tokens = rows * length
        return overhead + tokens * (per_token + per_token_pair * length)

    def observe(self, rows: int, length: int, seconds: float) -> None:
        """Learn that a batch of ``rows`` rows padded to ``length`` tokens ran for ``seconds``."""
        if seconds <= 0:
            return
        tokens = rows * length
        features = np.array([1.0, tokens, tokens * length]) / seconds
        self._gram *= FORGETTING
        self._moment *= FORGETTING
        self._gram += np.outer(features, features)
        self._moment += features
        self._since_fit += 1
        if self._since_fit >= REFIT_INTERVAL:
            self.fit()

    def fit(self) -> None:
        """Solve for the coefficients now, from all that was observed."""
        self._since_fit = 0
        best = _nonnegative_least_squares(self._gram, self._moment)
        if best is not None:
            overhead, per_token, per_token_pair = best.tolist()
            self._coefficients = overhead, per_token, per_token_pair


def _nonnegative_least_squares(gram: NDArray[np.float64], moment: Vector) -> Vector | None:
    """The best non-negative solution of ``gram @ x = moment`` over all subsets of the three
    coefficients.

    Three unknowns have seven subsets: trying them all is simpler than an active-set method, and
    exact.
    """
    scale = np.sqrt(np.diag(gram))
    if not np.all(scale > 0):
        return None
    gram = gram / np.outer(scale, scale)
    moment = moment / scale
    best: Vector | None = None
    best_gain = 0.0
    for size in (1, 2, 3):
        for subset in combinations(range(3), size):
            index = np.asarray(subset)
            ridge = 1e-9 * np.eye(size)
            solution = np.linalg.solve(gram[np.ix_(index, index)] + ridge, moment[index])
            gain = float(solution @ moment[index])
            if np.all(solution >= 0) and gain > best_gain:
                best_gain = gain
                best = np.zeros(3)
                best[index] = solution / scale[index]
    return best
