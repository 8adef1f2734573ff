"""Measures other ways to write the exported graph: time, load time and memory of each.

    python -m bench.graph_variants

An ALBERT-base shape with random weights, one intra-op thread, whose CPU time is what counts.
Variants are timed in turns, so that what else the machine does falls on all of them; each round's
times are divided by the exported graph's of that round, and the medians of those ratios printed.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import typer
from numpy.typing import NDArray
from onnx import helper as onnx_helper

from bench.checkpoints import BASE, write_checkpoint
from export.checkpoint import Checkpoint, read_checkpoint
from export.config import AlbertConfig
from export.graph import IR_VERSION, OPSET, AlbertWriter
from export.graph_builder import GraphBuilder, LoopBody
from export.token_layout import Asked, Rectangle
from export.weights import Weights, layer_prefix

SHAPES = {
    "8 x 128": [128] * 8,
    "1 x 128": [128],
    "1 x 32": [32],
    "8 of 10 to 60": [10, 15, 20, 25, 30, 35, 40, 60],
}
"""Tokens of each row."""
CONTRIB = "com.microsoft"


class Unrolled(AlbertWriter):
    """Each layer written out, over the same initializers."""

    def _write_group(self, group: int, layers: int, hidden: str) -> str:
        for layer in range(layers):
            asked = self._layout.narrowed(self._main, None) if layer == layers - 1 else None
            hidden = self._write_layer(self._main, layer_prefix(group, 0), hidden, asked)
        return hidden


class AllRows(AlbertWriter):
    """The last layer works on every position, not on two."""

    def _write_asked(self, body: LoopBody, layers: int) -> Asked | None:
        return None


class Padded(AlbertWriter):
    """Products are computed of padding too."""

    def __init__(self, config: AlbertConfig, weights: Weights) -> None:
        super().__init__(config, weights, layout=Rectangle)


class FastGelu(AlbertWriter):
    """onnxruntime's own operator for the tanh form of GELU."""

    def _activate(self, body: GraphBuilder, inner: str) -> str:
        return body.add("FastGelu", inner, domain=CONTRIB)


class FusedAttention(Padded):
    """onnxruntime's MultiHeadAttention in place of products and softmax."""

    def _write_attention(
        self, body: GraphBuilder, prefix: str, hidden: str, asked: Asked | None
    ) -> str:
        taken = self._layout.take(body, hidden, asked)
        query, key, value = (
            self._linear(body, f"{prefix}.{product}", source)
            for product, source in (("query", taken), ("key", hidden), ("value", hidden))
        )
        mask = body.add("Cast", "attention_mask", to=6)  # int32
        context = body.add(
            "MultiHeadAttention",
            *(query, key, value, "", mask),
            num_heads=self._config.num_attention_heads,
            domain=CONTRIB,
        )
        context = self._linear(body, f"{prefix}.dense", context)
        return self._norm(body, f"{prefix}.LayerNorm", body.add("Add", taken, context))


class OneKeyValueProduct(AlbertWriter):
    """Keys and values from one product with their weights side by side."""

    def _write_attention(
        self, body: GraphBuilder, prefix: str, hidden: str, asked: Asked | None
    ) -> str:
        parts = [f"{prefix}.key", f"{prefix}.value"]
        weight = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        both = body.add("MatMul", hidden, body.floats(f"{prefix}.kv.weight", weight))
        self._both = body.add("Add", both, body.floats(f"{prefix}.kv.bias", bias))
        return super()._write_attention(body, prefix, hidden, asked)

    def _linear(self, graph: GraphBuilder, prefix: str, value: str, scale: float = 1.0) -> str:
        half = prefix.rpartition(".")[2]
        if half not in ("key", "value"):
            return super()._linear(graph, prefix, value, scale)
        size = self._config.hidden_size
        start = 0 if half == "key" else size
        ends = graph.integers(start), graph.integers(start + size), graph.integers(-1)
        return graph.add("Slice", self._both, *ends)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to write the graph, or to open it."""

    name: str
    writer: type[AlbertWriter] = AlbertWriter
    settings: dict[str, str] = field(default_factory=dict)


VARIANTS = (
    Variant("as exported"),
    Variant("padded", Padded),
    Variant("layers written out", Unrolled),
    Variant(
        "layers written out, weights not packed", Unrolled, {"session.disable_prepacking": "1"}
    ),
    Variant("last layer on every position", AllRows),
    Variant("FastGelu", FastGelu),
    Variant("padded, MultiHeadAttention", FusedAttention),
    Variant("keys and values in one product", OneKeyValueProduct),
)


def main(
    rounds: Annotated[int, typer.Option(help="How often each variant is timed.")] = 15,
) -> None:
    """Print the table of docs/export.md under "Measured"."""
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = read_checkpoint(write_checkpoint(Path(directory) / "base", shape=BASE))
        paths = [Path(directory) / f"{index}.onnx" for index in range(len(VARIANTS))]
        for path, variant in zip(paths, VARIANTS, strict=True):
            path.write_bytes(build(checkpoint, variant))
        loads = [load_alone(path, index) for index, path in enumerate(paths)]
        sessions = [
            open_session(path, variant) for path, variant in zip(paths, VARIANTS, strict=True)
        ]
        ratios = [time_in_turns(sessions, lengths, rounds) for lengths in SHAPES.values()]
    print(f"| graph | {' | '.join(SHAPES)} | load, s | resident, MiB |")
    print(f"|---|{'---|' * (len(SHAPES) + 2)}")
    for index, variant in enumerate(VARIANTS):
        cells = [f"{ratio[index]:.2f}" for ratio in ratios]
        print(f"| {variant.name} | {' | '.join(cells)} | {loads[index]} |")


def build(checkpoint: Checkpoint, variant: Variant) -> bytes:
    """Return the variant's serialised model."""
    opsets = [onnx_helper.make_opsetid("", OPSET), onnx_helper.make_opsetid(CONTRIB, 1)]
    graph = variant.writer(checkpoint.config, checkpoint.weights).write()
    model = onnx_helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    content: bytes = model.SerializeToString()
    return content


def open_session(path: Path, variant: Variant) -> onnxruntime.InferenceSession:
    """Open the variant with one intra-op thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for key, value in variant.settings.items():
        options.add_session_config_entry(key, value)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(lengths: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    """Return rows of these lengths, random ids, int64 [batch, longest]."""
    shape = len(lengths), max(lengths)
    mask = (np.arange(shape[1]) < np.array(lengths)[:, np.newaxis]).astype(np.int64)
    ids = np.random.default_rng(0).integers(5, BASE.vocab_size, shape) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def time_in_turns(
    sessions: Sequence[onnxruntime.InferenceSession],
    lengths: Sequence[int],
    rounds: int,
    tolerance: float = 1e-5,
) -> list[float]:
    """Return each session's median time as a multiple of the first one's.

    AssertionError if a logit differs from the first one's by more than the tolerance.
    """
    given, repeats = feeds(lengths), max(1, 512 // sum(lengths))
    expected = sessions[0].run(None, given)[0]
    for session in sessions:
        np.testing.assert_allclose(session.run(None, given)[0], expected, atol=tolerance)
    ratios: list[list[float]] = []
    for _ in range(rounds):
        seconds = []
        for session in sessions:
            started = time.thread_time()
            for _ in range(repeats):
                session.run(None, given)
            seconds.append(time.thread_time() - started)
        ratios.append([each / seconds[0] for each in seconds])
    return [statistics.median(column) for column in zip(*ratios, strict=True)]


def load_alone(path: Path, index: int) -> str:
    """Return load time and resident growth of the variant in a process of its own."""
    code = f"from bench.graph_variants import report_load; report_load({str(path)!r}, {index})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def report_load(path: str, index: int) -> None:
    """Print what opening the variant and one run of 1 x 32 take: seconds to open, MiB."""
    before, started = resident_mib(), time.perf_counter()
    session = open_session(Path(path), VARIANTS[index])
    seconds = time.perf_counter() - started
    session.run(None, feeds([32]))
    print(f"{seconds:.2f} | {resident_mib() - before:.0f}")


def resident_mib() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / (1 << 20)


if __name__ == "__main__":
    typer.run(main)
