"""Finds how a checkpoint can be computed in int8 without answering otherwise.

First everything is static, which is fastest. Where that fails the gate, the sites are tried one
after the other, the most harmful first, each with the next more exact rounding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.parity import ParitySequence, open_session, run_batch
from export.progress import Progress
from export.quantisation.agreement import compare, describe
from export.quantisation.calibration import Calibration, calibrate
from export.quantisation.graph import build_int8_graph
from export.quantisation.plan import ROUNDINGS, SITE_OF_PRODUCT, Plan, Rounding, Site
from export.weights import CLASSIFIER, Weights
from model_directory.manifest import Agreement, ProblemType

MIN_AGREEMENT = 0.98  # one of the 64 built-in texts that judge may differ
MAX_MEAN_DRIFT = 0.015  # docs/export.md has what models do that are no worse for it
_LEAST_INT8 = 0.5  # of the multiplications in a layer's products; below, fp32 is the better choice
_NEARLY = 1.25  # a rounding is good enough if its drift is within this of fp32's at the site
_MULTIPLICATIONS = 4e12  # of one pass over the texts: a minute or so on two cores


@dataclass(frozen=True, slots=True)
class Attempt:
    """A plan, and how its graph agrees with fp32."""

    plan: Plan
    agreement: Agreement
    int8_share: float

    @property
    def passes(self) -> bool:
        """Whether it may be served in place of fp32, and is worth it."""
        same = self.agreement.agreement >= MIN_AGREEMENT
        near = self.agreement.mean_drift <= MAX_MEAN_DRIFT
        return same and near and self.int8_share >= _LEAST_INT8


@dataclass(frozen=True, slots=True)
class Quantised:
    """An int8 graph that passed the gate, and what was measured on the way."""

    graph: bytes
    accepted: Attempt
    attempts: tuple[Attempt, ...]
    calibration: Calibration
    calibration_texts: int
    judged: tuple[ParitySequence, ...]


def quantise(
    config: AlbertConfig,
    weights: Weights,
    fp32: bytes,
    sequences: Sequence[ParitySequence],
    progress: Progress,
) -> Quantised:
    """Return an int8 graph that agrees with the ``fp32`` graph.

    Every other sequence serves to calibrate, the rest to judge. ExportRefusedError if no plan that
    leaves at least half of the multiplications in int8 passes.
    """
    chosen = affordable(config, sequences)
    observed, judged = (chosen[0::2], chosen[1::2]) if len(chosen) > 1 else (chosen, chosen)
    calibration = calibrate(config, weights, observed, progress)
    judge = Judge(config, weights, fp32, judged)
    graphs: dict[Plan, bytes] = {}

    def attempt(plan: Plan) -> Attempt:
        progress(f"judging int8, {plan}")
        graphs.clear()
        graphs[plan] = build_int8_graph(config, weights, plan, calibration)
        return Attempt(plan, judge.agreement(graphs[plan]), int8_share(config, plan))

    accepted, attempts = search(attempt)
    if accepted is None:
        raise ExportRefusedError(_refusal(attempts))
    graph = graphs.get(accepted.plan) or build_int8_graph(
        config, weights, accepted.plan, calibration
    )
    return Quantised(graph, accepted, attempts, calibration, len(observed), tuple(judged))


def search(attempt: Callable[[Plan], Attempt]) -> tuple[Attempt | None, tuple[Attempt, ...]]:
    """Return the fastest plan found that passes, or None, and all that were tried.

    Each plan is tried once.
    """
    tried: dict[Plan, Attempt] = {}

    def outcome(plan: Plan) -> Attempt:
        if plan not in tried:
            tried[plan] = attempt(plan)
        return tried[plan]

    def drift(plan: Plan) -> float:
        return outcome(plan).agreement.mean_drift

    plan = Plan()
    if outcome(plan).passes:
        return outcome(plan), tuple(tried.values())
    helps = {site: drift(plan.but(site, Rounding.NONE)) for site in Site}
    for site in sorted(Site, key=lambda each: helps[each]):
        options = [plan.but(site, rounding) for rounding in ROUNDINGS[site][1:]]
        for option in options:
            if outcome(option).passes:
                return outcome(option), tuple(tried.values())
        enough = _NEARLY * drift(options[-1])
        plan = next(option for option in options if drift(option) <= enough)
    return None, tuple(tried.values())


class Judge:
    """Compares graphs with the fp32 one on fixed sequences."""

    def __init__(
        self,
        config: AlbertConfig,
        weights: Weights,
        fp32: bytes,
        sequences: Sequence[ParitySequence],
    ) -> None:
        self._config = config
        self._weights = weights
        self._sequences = sequences
        self._expected = self._run(open_session(fp32))

    def agreement(self, graph: bytes) -> Agreement:
        """Return how near the graph's scores are to those of fp32; ExportRefusedError if any is
        not finite.
        """
        given = self._run(open_session(graph))
        if not all(np.isfinite(logits).all() for logits in given):
            raise ExportRefusedError(
                "the model computes values that are too large for this precision; export it with "
                "--precision fp32"
            )
        return compare(self._config, self._expected, given)

    def _run(self, session: onnxruntime.InferenceSession) -> list[NDArray[np.float32]]:
        return [self._logits(session, sequence) for sequence in self._sequences]

    def _logits(
        self, session: onnxruntime.InferenceSession, sequence: ParitySequence
    ) -> NDArray[np.float32]:
        """Return [labels], or [2, tokens] of the context, where an answer can be.

        The bias of a regression's head, often most of its values, is left out.
        """
        logits = run_batch(session, [sequence], pad_id=0)[0]
        if not self._config.is_question_answering:
            is_value = self._config.inferred_problem_type is ProblemType.REGRESSION
            return logits - self._weights[f"{CLASSIFIER}.bias"] if is_value else logits
        of_context = np.array(sequence.token_types) == max(sequence.token_types)
        return logits[:, of_context]


def int8_share(config: AlbertConfig, plan: Plan) -> float:
    """Return the share of the multiplications of a layer's products that are in int8."""
    hidden, inner = config.hidden_size, config.intermediate_size
    sizes = {"ffn": hidden * inner, "ffn_output": hidden * inner}
    products = {name: sizes.get(name, hidden * hidden) for name in SITE_OF_PRODUCT}
    rounded = sum(
        size for name, size in products.items() if plan[SITE_OF_PRODUCT[name]] is not Rounding.NONE
    )
    return rounded / sum(products.values())


def affordable(
    config: AlbertConfig, sequences: Sequence[ParitySequence]
) -> Sequence[ParitySequence]:
    """Return as many of the sequences, evenly chosen, as one pass has time for; at least 16."""
    layer = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    steps = config.num_hidden_layers * config.inner_group_num
    tokens = sum(len(sequence.ids) for sequence in sequences)
    share = min(1.0, _MULTIPLICATIONS / (tokens * layer * steps))
    count = min(len(sequences), max(16, int(len(sequences) * share)))
    return [sequences[place * len(sequences) // count] for place in range(count)]


def _refusal(attempts: Sequence[Attempt]) -> str:
    static = attempts[0].agreement
    best = min(attempts, key=lambda attempt: attempt.agreement.mean_drift)
    return (
        f"int8 does not agree with fp32: {describe(static)}, where an agreement of at least "
        f"{MIN_AGREEMENT:.0%} and a drift of at most {MAX_MEAN_DRIFT:g} on average are asked for. "
        f"Of {len(attempts)} ways to keep some of it more exact the best ({best.plan}) has "
        f"{describe(best.agreement)}, with {best.int8_share:.0%} of the products in int8, where "
        f"at least {_LEAST_INT8:.0%} are asked for. Export it with --precision fp32, or give texts "
        "like those it will be asked with --calibration"
    )
