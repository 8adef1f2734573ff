"""Where the error of an int8 graph comes from, layer by layer."""

from dataclasses import dataclass

import numpy as np

from export.config import AlbertConfig
from export.graph import serialise
from export.parity import open_session, run_observed
from export.quantisation.calibration import OBSERVED_AS
from export.quantisation.graph import Int8Writer
from export.quantisation.plan import Site
from export.quantisation.search import Quantised
from export.weights import Weights
from export.written_out import WrittenOutWriter

_TEXTS = 16


@dataclass(frozen=True, slots=True)
class LayerError:
    """Errors of one layer, each a root mean square relative to that of the values.

    ``output`` is what the layer hands on, with all error from before; ``rounding`` is what static
    codes do to each site, for itself.
    """

    layer: int
    output: float
    rounding: dict[Site, float]


def layer_errors(config: AlbertConfig, weights: Weights, quantised: Quantised) -> list[LayerError]:
    """Run both graphs over some of the judged texts, and compare what each layer hands on."""
    plan, calibration = quantised.accepted.plan, quantised.calibration
    exact, keys = WrittenOutWriter(config, weights).write_observed(("output",))
    rough, _ = Int8Writer(config, weights, plan, calibration).write_observed(("output",))
    sessions = open_session(serialise(exact)), open_session(serialise(rough))
    squares = np.zeros((len(keys), 2))
    for sequence in quantised.judged[:_TEXTS]:
        pair = [run_observed(session, sequence, len(keys)) for session in sessions]
        for place, (one, other) in enumerate(zip(*pair, strict=True)):
            squares[place] += np.square(one - other).sum(), np.square(one).sum()
    return [
        LayerError(
            layer=step,
            output=float(np.sqrt(error / size)),
            rounding={site: calibration.rounding_error(step, site) for site in OBSERVED_AS},
        )
        for (step, _), (error, size) in zip(keys, squares, strict=True)
    ]
