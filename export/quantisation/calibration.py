"""What the activations of a checkpoint are like on texts, and the scales that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.config import AlbertConfig
from export.graph import serialise
from export.parity import ParitySequence, open_session, run_observed
from export.progress import Progress
from export.quantisation.codes import (
    QUERY_CODES,
    Affine,
    Range,
    affine,
    best_range,
    rounded,
    symmetric,
)
from export.quantisation.plan import SITE_OF_PRODUCT, Site
from export.weights import Weights
from export.written_out import Step, WrittenOutWriter, step_prefixes

_STAGE = "observing activations"
_SEED = 1
_SAMPLED_VALUES = 300_000  # of each tensor, to choose a range by
_KEY_CODES = 127

OBSERVED_AS = {
    Site.HIDDEN: "input of key",
    Site.CONTEXT: "input of dense",
    Site.ATTENDED: "input of ffn",
    Site.ACTIVATED: "input of ffn_output",
}
_KINDS = (*OBSERVED_AS.values(), "query", "key")


@dataclass(slots=True)
class Observation:
    """One tensor over all texts: float32 [channels] extremes and sum, and [n, channels] of it."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    total: NDArray[np.float64]
    tokens: int
    sample: NDArray[np.float32]

    @property
    def peaks(self) -> NDArray[np.float32]:
        """The largest absolute value of each channel."""
        return np.maximum(-self.low, self.high)


class Calibration:
    """The scales of one checkpoint's activations, from what was observed of them."""

    def __init__(
        self,
        config: AlbertConfig,
        weights: Weights,
        observed: Mapping[tuple[Step, str], Observation],
    ) -> None:
        self._prefixes = step_prefixes(config)
        self._weights = weights
        self._observed = observed
        self._static: dict[tuple[Step, Site], Affine] = {}
        self._smoothing: dict[tuple[str, Site], NDArray[np.float64]] = {}

    def static(self, step: Step, site: Site) -> Affine:
        """Return the scale of a site in one layer."""
        if (step, site) not in self._static:
            seen = self._observed[step, OBSERVED_AS[site]]
            span = best_range(seen.sample, float(seen.low.min()), float(seen.high.max()))
            self._static[step, site] = affine(span)
        return self._static[step, site]

    def smoothed(self, step: Step, site: Site) -> Affine:
        """Return the scale of a site whose channels were divided by ``smoothing``."""
        seen = self._observed[step, OBSERVED_AS[site]]
        divisor = self.smoothing(step, site)
        low, high = float((seen.low / divisor).min()), float((seen.high / divisor).max())
        return affine(best_range(seen.sample / divisor, low, high))

    def smoothing(self, step: Step, site: Site) -> NDArray[np.float64]:
        """Return what to divide each channel by, float64 [channels], for layers of one weight.

        √(largest activation / largest weight) of the channel: SmoothQuant with α = ½
        (https://arxiv.org/abs/2211.10438).
        """
        prefix = self._prefixes[step]
        if (prefix, site) not in self._smoothing:
            steps = [each for each, other in enumerate(self._prefixes) if other == prefix]
            kind = OBSERVED_AS[site]
            peaks = np.max([self._observed[each, kind].peaks for each in steps], axis=0)
            weights = np.max([np.abs(each).max(axis=0) for each in self._taken_by(step, site)], 0)
            alive = (peaks > 0) & (weights > 0)
            ratio = np.where(alive, peaks, 1.0) / np.where(alive, weights, 1.0)
            self._smoothing[prefix, site] = np.where(alive, np.sqrt(ratio), 1.0)
        return self._smoothing[prefix, site]

    def key_centre(self, step: Step) -> NDArray[np.float64]:
        """Return the mean key, [hidden]. Taken from every key it changes no attention weight.

        It adds the same to all scores of a row, which softmax does not see
        (SageAttention, https://arxiv.org/abs/2410.02367).
        """
        seen = self._observed[step, "key"]
        mean: NDArray[np.float64] = seen.total / seen.tokens
        return mean

    def query_scale(self, step: Step) -> float:
        """Return the scale of symmetric query codes."""
        seen = self._observed[step, "query"]
        return symmetric(Range(float(seen.low.min()), float(seen.high.max())), QUERY_CODES // 2)

    def key_scale(self, step: Step) -> float:
        """Return the scale of symmetric key codes, once the centre is taken away."""
        seen, centre = self._observed[step, "key"], self.key_centre(step)
        span = Range(float((seen.low - centre).min()), float((seen.high - centre).max()))
        return symmetric(span, _KEY_CODES)

    def rounding_error(self, step: Step, site: Site) -> float:
        """Return the error of a site's static codes: root mean square, relative to the site's."""
        sample = self._observed[step, OBSERVED_AS[site]].sample
        error = np.square(rounded(sample, self.static(step, site)) - sample).mean()
        return float(np.sqrt(error / np.square(sample).mean()))

    def _taken_by(self, step: Step, site: Site) -> list[NDArray[np.float32]]:
        """Return the weights, [out, in], of the products that take the site."""
        prefix = self._prefixes[step]
        products = [product for product, taken in SITE_OF_PRODUCT.items() if taken is site]
        inner = {"query", "key", "value", "dense"}
        names = [f"attention.{name}" if name in inner else name for name in products]
        return [self._weights[f"{prefix}.{name}.weight"] for name in names]


def calibrate(
    config: AlbertConfig,
    weights: Weights,
    sequences: Sequence[ParitySequence],
    progress: Progress,
) -> Calibration:
    """Run the fp32 graph over the sequences, one by one, and observe every site of every layer."""
    graph, keys = WrittenOutWriter(config, weights).write_observed(_KINDS)
    session = open_session(serialise(graph))
    random = np.random.default_rng(_SEED)
    observed: dict[tuple[Step, str], Observation] = {}
    samples: dict[tuple[Step, str], list[NDArray[np.float32]]] = {key: [] for key in keys}
    for done, sequence in enumerate(sequences):
        progress(_STAGE, done, len(sequences))
        for key, value in zip(keys, run_observed(session, sequence, len(keys)), strict=True):
            rows = value.reshape(-1, value.shape[-1])
            _add(observed, key, rows)
            wanted = max(1, _SAMPLED_VALUES // (rows.shape[1] * len(sequences)))
            samples[key].append(rows[random.integers(0, len(rows), min(wanted, len(rows)))])
    for key, seen in observed.items():
        seen.sample = np.concatenate(samples[key])
    return Calibration(config, weights, observed)


def _add(
    observed: dict[tuple[Step, str], Observation],
    key: tuple[Step, str],
    rows: NDArray[np.float32],
) -> None:
    low, high = rows.min(axis=0), rows.max(axis=0)
    total = rows.sum(axis=0, dtype=np.float64)
    if key in observed:
        seen = observed[key]
        low, high = np.minimum(low, seen.low), np.maximum(high, seen.high)
        total, tokens = seen.total + total, seen.tokens + len(rows)
    else:
        tokens = len(rows)
    observed[key] = Observation(low, high, total, tokens, rows[:0])
