"""Measures other ways to write the int8 graph, and the roundings that its sites can have.

    python -m bench.int8_variants

An ALBERT-base shape with random weights, one intra-op thread, CPU time in turns as in
`bench/graph_variants.py`: medians over the rounds of each variant's time as a share of the exported
int8 graph's in the same round.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bench.checkpoints import BASE, write_checkpoint
from bench.graph_variants import SHAPES, Variant, open_session, time_in_turns
from export.checkpoint import Checkpoint, read_checkpoint
from export.config import AlbertConfig
from export.graph import build_graph, serialise
from export.graph_builder import GraphBuilder
from export.quantisation.calibration import Calibration, calibrate
from export.quantisation.graph import CONTRIB, Int8Writer
from export.quantisation.plan import ROUNDINGS, Plan, Rounding, Site
from export.quantisation.texts import built_in_sequences
from export.token_layout import Asked, Rectangle
from export.tokenizer import check_tokenizer
from export.weights import Weights

_ANY = 1e9  # int8 of random weights is not held to anything here
_PRODUCTS = (Site.HIDDEN, Site.CONTEXT, Site.ATTENDED, Site.ACTIVATED)


class OwnRounding(Int8Writer):
    """Query, key and value each round their input for themselves."""

    def _compute_product(self, body: GraphBuilder, prefix: str, value: str, scale: float) -> str:
        if not prefix.endswith(".dense"):  # whose codes were made before
            self._codes.pop(value, None)
        return super()._compute_product(body, prefix, value, scale)


class SkipNorm(Int8Writer):
    """onnxruntime's SkipLayerNormalization in place of Add and LayerNormalization."""

    def _norm(self, graph: GraphBuilder, prefix: str, value: str) -> str:
        nodes = graph._nodes
        if "albert_layers" not in prefix or list(nodes[-1].output) != [value]:
            return super()._norm(graph, prefix, value)
        added = nodes.pop().input
        bias = graph.floats(f"{prefix}.bias", self._weights[f"{prefix}.bias"])
        epsilon = self._config.layer_norm_eps
        given = (*added, self._weight(prefix), bias)
        return graph.add("SkipLayerNormalization", *given, epsilon=epsilon, domain=CONTRIB)


class FastGelu(Int8Writer):
    """onnxruntime's own operator for the tanh form of GELU."""

    def _activate(self, body: GraphBuilder, inner: str) -> str:
        return body.add("FastGelu", inner, domain=CONTRIB)


class ErfGelu(Int8Writer):
    """GELU by the error function."""

    def _activate(self, body: GraphBuilder, inner: str) -> str:
        return body.add("Gelu", inner)


class Padded(Int8Writer):
    """Products are computed of padding too."""

    def __init__(
        self, config: AlbertConfig, weights: Weights, plan: Plan, calibration: Calibration
    ) -> None:
        super().__init__(config, weights, plan, calibration, layout=Rectangle)


class FusedAttention(Padded):
    """onnxruntime's MultiHeadAttention in place of products and softmax, in fp32."""

    def _write_attention(
        self, body: GraphBuilder, prefix: str, hidden: str, asked: Asked | None
    ) -> str:
        taken = self._layout.take(body, hidden, asked)
        query, key, value = (
            self._product(body, f"{prefix}.{product}", source)
            for product, source in (("query", taken), ("key", hidden), ("value", hidden))
        )
        mask = body.add("Cast", "attention_mask", to=6)  # int32
        heads = self._config.num_attention_heads
        given = (query, key, value, "", mask)
        context = body.add("MultiHeadAttention", *given, num_heads=heads, domain=CONTRIB)
        context = self._product(body, f"{prefix}.dense", context)
        return self._norm(body, f"{prefix}.LayerNorm", body.add("Add", taken, context))


def every(rounding: Rounding) -> Plan:
    """Return the plan that rounds the inputs of all products alike."""
    plan = Plan()
    for site in _PRODUCTS:
        plan = plan.but(site, rounding)
    return plan


FP32_SCORES = Plan().but(Site.SCORES, Rounding.NONE)
ROWS: Mapping[str, tuple[type[Int8Writer], Plan]] = {
    "as exported": (Int8Writer, Plan()),
    "padded": (Padded, Plan()),
    "query x key in fp32": (Int8Writer, FP32_SCORES),
    "the same, padded, with MultiHeadAttention": (FusedAttention, FP32_SCORES),
    "an own rounding for each of query, key and value": (OwnRounding, Plan()),
    "SkipLayerNormalization": (SkipNorm, Plan()),
    "FastGelu": (FastGelu, Plan()),
    "Gelu by the error function": (ErfGelu, Plan()),
    "embeddings in fp32": (Int8Writer, Plan().but(Site.EMBEDDINGS, Rounding.NONE)),
    "all inputs smoothed": (Int8Writer, every(Rounding.SMOOTHED)),
    "all inputs per token": (Int8Writer, every(Rounding.PER_TOKEN)),
    **{
        f"{site}: {rounding}": (Int8Writer, Plan().but(site, rounding))
        for site in _PRODUCTS
        for rounding in ROUNDINGS[site][1:]
    },
}


def main(
    rounds: Annotated[int, typer.Option(help="How often each variant is timed.")] = 9,
) -> None:
    """Print the table of docs/export.md under "How the graph was chosen"."""
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = read_checkpoint(write_checkpoint(Path(directory) / "base", shape=BASE))
        calibration = _calibrate(checkpoint)
        graphs = [_build(checkpoint, calibration, *row) for row in ROWS.values()]
        graphs.append(build_graph(checkpoint.config, checkpoint.weights))
        sessions = []
        for graph in graphs:
            path = Path(directory) / "graph.onnx"
            path.write_bytes(graph)
            sessions.append(open_session(path, Variant("")))
        ratios = [
            time_in_turns(sessions, lengths, rounds, tolerance=_ANY) for lengths in SHAPES.values()
        ]
    print(f"| graph | {' | '.join(SHAPES)} | MB |")
    print(f"|---|{'---|' * (len(SHAPES) + 1)}")
    for index, name in enumerate((*ROWS, "fp32")):
        cells = [f"{ratio[index]:.2f}" for ratio in ratios]
        print(f"| {name} | {' | '.join(cells)} | {len(graphs[index]) / 1e6:.1f} |")


def _calibrate(checkpoint: Checkpoint) -> Calibration:
    tokenizer = check_tokenizer(checkpoint.tokenizer, checkpoint.config)
    sequences = built_in_sequences(tokenizer, pairs=False, longest=128)[::8]
    return calibrate(checkpoint.config, checkpoint.weights, sequences, _silent)


def _silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


def _build(
    checkpoint: Checkpoint, calibration: Calibration, writer: type[Int8Writer], plan: Plan
) -> bytes:
    return serialise(writer(checkpoint.config, checkpoint.weights, plan, calibration).write())


if __name__ == "__main__":
    typer.run(main)
