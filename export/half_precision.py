"""Writes ALBERT in float16, for GPUs, and holds it to the fp32 graph.

The layers are written out: what a loop saves is weights packed for the CPU, and onnxruntime runs a
loop from the CPU, with the counter that decides how many rows a layer computes.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper
from onnx import helper as onnx_helper

from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.graph import serialise
from export.graph_builder import FLOAT16
from export.parity import ParitySequence
from export.progress import Progress
from export.quantisation.agreement import describe
from export.quantisation.search import MIN_AGREEMENT, Judge, affordable
from export.token_layout import Rectangle
from export.weights import Weights
from export.written_out import WrittenOutWriter
from model_directory.manifest import Agreement

MAX_MEAN_DRIFT = 0.002  # docs/export.md has what was measured
_LARGEST = float(np.finfo(np.float16).max)
_MOVES = ("Gather", "Reshape", "Slice", "Transpose")  # what is in float16 already stays so


def build_half_graph(config: AlbertConfig, weights: Weights) -> bytes:
    """Return the serialised ONNX model; inputs and outputs are those of ``build_graph``.

    ExportRefusedError if a weight is too large for float16.
    """
    for name, held in weights.tensors.items():
        largest = float(np.abs(held).max(initial=0.0))
        if largest > _LARGEST:
            raise ExportRefusedError(
                f"fp16 cannot hold {name!r}: its largest weight is {largest:.4g}, and that of a "
                f"float16 {_LARGEST:g}; export it with --precision fp32"
            )
    return serialise(WrittenOutWriter(config, weights, FLOAT16, Rectangle).write())


def halve(
    config: AlbertConfig,
    weights: Weights,
    fp32: bytes,
    sequences: Sequence[ParitySequence],
    progress: Progress,
) -> tuple[bytes, Agreement]:
    """Return a float16 graph, and how it agrees with the ``fp32`` graph on the sequences.

    ExportRefusedError if it does not agree well enough.
    """
    graph = build_half_graph(config, weights)
    progress("judging fp16")
    judge = Judge(config, weights, fp32, affordable(config, sequences))
    agreement = judge.agreement(rounding_twin(graph))
    if agreement.agreement < MIN_AGREEMENT or agreement.mean_drift > MAX_MEAN_DRIFT:
        raise ExportRefusedError(
            f"fp16 does not agree with fp32: {describe(agreement)}, where an agreement of at least "
            f"{MIN_AGREEMENT:.0%} and a drift of at most {MAX_MEAN_DRIFT:g} on average are asked "
            "for. Export it with --precision fp32"
        )
    return graph, agreement


def rounding_twin(graph: bytes) -> bytes:
    """Return the graph in float32, with the result of every operator rounded to float16.

    On a CPU onnxruntime computes float16 with float32 kernels, and rounds in between only where it
    must: there the graph itself would hide a part of what rounding does, and of what overflows.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph))
    halves = {
        value.name
        for value in model.graph.value_info
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16
    }
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        nodes.append(node)
        name = node.output[0]
        if name in halves and node.op_type not in _MOVES:
            exact, half = f"{name} exact", f"{name} half"
            node.output[0] = exact
            nodes.append(onnx_helper.make_node("Cast", [exact], [half], to=TensorProto.FLOAT16))
            nodes.append(onnx_helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    twin = onnx_helper.make_graph(
        nodes, model.graph.name, model.graph.input, model.graph.output, model.graph.initializer
    )
    return serialise(twin)
