"""Temperature scaling: makes a model's probabilities mean what they say, without changing answers.

Logits divided by one positive number, the temperature, keep their order; the number that gives
validation data the highest likelihood calibrates most networks well (Guo et al. 2017, "On
Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599). Divided into the head's
weights, it is part of the exported file and needs no option of the service.

No torch here: arrays are numpy's, checkpoints are read and written with safetensors.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0
"""What a fit may return. A model without a single error on its validation data has no best
temperature, the likelihood rises until zero; it gets the lowest.
"""
HALVINGS = 50
"""Of the search interval, which then is narrower than float64 can tell."""
SCORE_TEMPERATURES = tuple(np.geomspace(0.2, 5.0, 17))
SECTIONS = 6
"""Of the interval between two of these, 1.5 apart, which then is narrower than three per cent."""
GOLDEN = (math.sqrt(5) - 1) / 2
LEAST_DOUBT = 1e-6
"""A score of 0 or 1 counts as so much away from it, since the log loss would be infinite."""

WEIGHTS_NAME = "model.safetensors"
RECORD = "albert_serve_temperature"
"""Key in the metadata of the safetensors file: the temperature that its head was divided by."""
HEADS = ("classifier", "qa_outputs")

Array = NDArray[np.float64]


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature of exclusive labels: of the softmax of ``logits / temperature``.

    ``logits``: float [rows, labels], where -inf marks a label that a row cannot have; ``labels``:
    int [rows], the right ones.
    """
    scores = np.asarray(logits, dtype=np.float64)
    right = scores[np.arange(len(scores)), np.asarray(labels)]
    if not np.isfinite(right).all():
        raise ValueError("the logit of a right label is not finite")
    possible = np.where(np.isfinite(scores), scores, 0.0)
    highest = scores.max(axis=1, keepdims=True)

    def slope(inverse: float) -> float:
        """Of the mean negative log likelihood by the inverse temperature."""
        powers = np.exp((scores - highest) * inverse)
        expected = (powers * possible).sum(axis=1) / powers.sum(axis=1)
        return float((expected - right).mean())

    return _fit(slope, len(scores))


def fit_sigmoid_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature of independent labels: of the sigmoid of ``logits / temperature``.

    ``logits``: float [rows, labels]; ``labels``: [rows, labels] of 0 and 1, or of booleans.
    """
    scores = np.asarray(logits, dtype=np.float64)
    present = np.asarray(labels, dtype=np.float64)
    if scores.shape != present.shape:
        raise ValueError(f"logits are {scores.shape}, labels {present.shape}")

    def slope(inverse: float) -> float:
        return float((scores * (sigmoid(scores * inverse) - present)).mean())

    return _fit(slope, scores.size)


def fit_score_temperature(
    scored: Callable[[float], tuple[ArrayLike, ArrayLike]],
) -> float:
    """The temperature at which the scores of chosen answers say best whether these are right.

    ``scored`` gives, at a temperature, the score of each answer, float [answers], 0 to 1, and
    whether it is right, bool [answers]. The one with the lowest mean log loss is searched, first
    among `SCORE_TEMPERATURES`, then by golden section between the neighbours of the best of them.

    For question answering, where likelihood misleads: the service's score is the product of start
    and end, as if these were independent, and an answer counts as right in several forms, so the
    likeliest temperature of starts and ends leaves the scores too low. Of the first default model,
    over 1,800 questions half of which have no answer, it is 0.91, and this one 0.66; the
    calibration error was 0.133 at 1, 0.085 at 0.85 and 0.058 at 0.7 (0.191, 0.120 and 0.067 where
    the model may say that there is no answer).

    What scaling keeps there: within one window the order of all spans, and of the null answer
    among them, because each score is ``exp((start + end) / temperature)`` over a sum that all of
    them share. What it may change: the service adds the scores of candidates that read alike, and
    compares windows with sums of their own; an answer that won by such a sum, or against the null
    answer of another window, may lose at another temperature. So figures are measured after
    scaling, never carried over.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(*scored(math.exp(log_temperature)))

    tried = np.log(SCORE_TEMPERATURES)
    losses = [loss(each) for each in tried]
    best = int(np.argmin(losses))
    low, high = tried[max(0, best - 1)], tried[min(len(tried) - 1, best + 1)]
    for _ in range(SECTIONS):
        inner, outer = high - (high - low) * GOLDEN, low + (high - low) * GOLDEN
        if loss(inner) <= loss(outer):
            high = outer
        else:
            low = inner
    found = (low + high) / 2
    return math.exp(found if loss(found) <= losses[best] else tried[best])


def log_loss(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Mean negative logarithm of what was given to what came true, of scores 0 to 1."""
    confidences = np.clip(np.asarray(confidence, dtype=np.float64), LEAST_DOUBT, 1 - LEAST_DOUBT)
    right = np.asarray(correct, dtype=bool)
    return float(-np.log(np.where(right, confidences, 1 - confidences)).mean())


def _fit(slope: Callable[[float], float], rows: int) -> float:
    """The temperature where ``slope`` is zero, or the limit that it points to.

    The likelihood of a softmax and of a sigmoid is concave in the inverse temperature, so the
    slope of its negative rises from below zero to above and halving finds where it crosses. The
    interval is halved by ratio, since temperatures are ratios.
    """
    if rows == 0:
        raise ValueError("a temperature cannot be fitted on no rows")
    low, high = 1 / HIGHEST_TEMPERATURE, 1 / LOWEST_TEMPERATURE
    if slope(low) >= 0:
        return HIGHEST_TEMPERATURE
    if slope(high) <= 0:
        return LOWEST_TEMPERATURE
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        if slope(middle) < 0:
            low = middle
        else:
            high = middle
    return 1 / math.sqrt(low * high)


def sigmoid(logits: Array) -> Array:
    """Probabilities of independent labels, without overflow; the shape of ``logits``."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """How far confidence is from the share of right answers, 0 to 1.

    ``confidence``: float [answers], 0 to 1; ``correct``: bool [answers]. Answers are put into
    ``bins`` intervals of equal width, ``(i / bins, (i + 1) / bins]``; what comes back is the mean
    over all answers of the distance, in their interval, between mean confidence and share correct:
    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", with the
    15 bins of Guo et al. 2017. With few answers a bin it is above zero even for a perfect model.
    """
    confidences = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if confidences.ndim != 1 or confidences.shape != right.shape or len(confidences) == 0:
        raise ValueError("confidence and correct must be two lists of the same answers")
    if not ((confidences >= 0) & (confidences <= 1)).all():
        raise ValueError("a confidence is not between 0 and 1")
    place = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
    surplus = np.bincount(place, weights=confidences - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(confidences))


def recorded_temperature(checkpoint: Path) -> float:
    """What the head in this checkpoint directory was divided by already; 1 where nothing is."""
    with safe_open(_weights(checkpoint), framework="numpy") as weights:
        return float((weights.metadata() or {}).get(RECORD, 1.0))


def scale_head(checkpoint: Path, temperature: float) -> None:
    """Divide the head that training left in ``checkpoint`` by ``temperature``.

    ``checkpoint`` is a Hugging Face directory with one ``model.safetensors``. The temperature is
    that of the trained head: it is recorded beside the weights, in the same file, so that a second
    call with it changes nothing, and one with another temperature replaces it. (A temperature
    fitted on the logits of a scaled checkpoint is to be multiplied by `recorded_temperature`.) The
    file is replaced whole or not at all. ValueError if there is no such head, or if it is not of
    float32 or float64.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"a temperature must be positive, not {temperature}")
    path = _weights(checkpoint)
    before = recorded_temperature(checkpoint)
    if before == temperature:
        return
    with safe_open(path, framework="numpy") as weights:
        metadata = {"format": "pt", **(weights.metadata() or {}), RECORD: repr(float(temperature))}
        names = list(weights.keys())
        scaled = [f"{head}.{part}" for head in HEADS for part in ("weight", "bias")]
        scaled = [name for name in scaled if name in names]
        if len(scaled) != 2:
            raise ValueError(f"{path} has not exactly one head of {' or '.join(HEADS)}")
        for name in scaled:
            dtype = weights.get_slice(name).get_dtype()
            if dtype not in ("F32", "F64"):
                raise ValueError(f"{path}: {name} is of {dtype}, only F32 and F64 can be scaled")
        tensors = {name: weights.get_tensor(name) for name in names}
    for name in scaled:
        exact = tensors[name].astype(np.float64) * (before / temperature)
        tensors[name] = exact.astype(tensors[name].dtype)
    _replace(path, tensors, metadata)


def _weights(checkpoint: Path) -> Path:
    path = checkpoint / WEIGHTS_NAME
    if not path.is_file():
        raise ValueError(f"there is no {WEIGHTS_NAME} in {checkpoint}")
    return path


def _replace(path: Path, tensors: dict[str, NDArray], metadata: dict[str, str]) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as beside:
        partial = Path(beside.name)
    try:
        save_file(tensors, partial, metadata=metadata)
        partial.chmod(path.stat().st_mode)
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
