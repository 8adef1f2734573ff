"""Writes ALBERT as an ONNX graph: every weight once in the file, and once in memory.

Layers that share weights are iterations of one ``Loop`` whose body holds each use of a weight once,
so onnxruntime packs it once, however many layers there are. In the last layer of a classifier only
[CLS] and its neighbour are asked for after keys and values. `docs/export.md` has the measurements
behind both.

The architecture is that of "ALBERT: A Lite BERT" (https://arxiv.org/abs/1909.11942) as
transformers' AlbertModel implements it.
"""

from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto
from onnx import helper as onnx_helper

from export.config import Activation, AlbertConfig
from export.graph_builder import FLOAT16, FLOAT32, Constants, Dimensions, GraphBuilder, LoopBody
from export.weights import (
    CLASSIFIER,
    EMBEDDINGS,
    MAPPING,
    POOLER,
    SPAN_HEAD,
    Weights,
    layer_prefix,
)

OPSET = 20  # the first with Gelu
IR_VERSION = 9
PRODUCER = "albert-export"

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CLASSIFICATION_OUTPUTS = ("logits",)
SPAN_OUTPUTS = ("start_logits", "end_logits")
_TOKENS = ("batch", "sequence")

# What the last layer of a classifier computes: [CLS], which is all that the pooler reads, and its
# neighbour. onnxruntime adds up the product of a single row in another order when zeros follow, so
# that padding would show in the last bits of [CLS].
NARROWED = 2

# Added to the scores of padding: its exponential is exactly 0 beside any real position, and a row
# with nothing but padding still has a finite softmax. Of float16 it is half of the lowest, because
# the sum of that and a score may be infinite.
_MASKED = {FLOAT32: float(np.finfo(np.float32).min), FLOAT16: float(np.finfo(np.float16).min) / 2}


def build_graph(config: AlbertConfig, weights: Weights) -> bytes:
    """Return the serialised ONNX model; the same checkpoint always gives the same bytes.

    Inputs are int64 [batch, sequence]: ``input_ids``, ``attention_mask`` (1 for tokens, 0 for
    padding), ``token_type_ids``. Outputs are float32: ``logits`` [batch, labels] of a classifier,
    ``start_logits`` and ``end_logits`` [batch, sequence] of a question answering model. Logits do
    not depend on what is at padded positions; those of padded positions themselves mean nothing.
    """
    return serialise(AlbertWriter(config, weights).write())


def serialise(graph: GraphProto) -> bytes:
    """Return the model around ``graph``; equal graphs always give the same bytes."""
    domains = {node.domain for node in graph.node} - {""}
    opsets = [onnx_helper.make_opsetid("", OPSET)]
    opsets += [onnx_helper.make_opsetid(domain, 1) for domain in sorted(domains)]
    model: ModelProto = onnx_helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=PRODUCER
    )
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


class AlbertWriter:
    """Writes the nodes of one model, from the inputs to the logits.

    Subclasses override single steps: `export/quantisation/graph.py` to compute in int8,
    `bench/graph_variants.py` to measure other ways to write them.
    """

    def __init__(
        self, config: AlbertConfig, weights: Weights, float_type: np.dtype[Any] = FLOAT32
    ) -> None:
        self._config = config
        self._weights = weights
        self._float_type = float_type
        self._main = GraphBuilder("albert", Constants(float_type))
        self._sequence = self._main.add("Shape", "input_ids", start=1, end=2)
        self._attention_bias = self._write_attention_bias()

    def write(self) -> GraphProto:
        """Write the whole graph; a writer writes one."""
        config = self._config
        hidden = self._write_embeddings()
        groups = [config.group_of_layer(layer) for layer in range(config.num_hidden_layers)]
        for group in range(config.num_hidden_groups):
            hidden = self._write_group(group, groups.count(group), hidden)
        if config.is_question_answering:
            self._write_span_head(hidden)
            outputs: dict[str, Dimensions] = dict.fromkeys(SPAN_OUTPUTS, _TOKENS)
        else:
            self._write_classifier(hidden)
            outputs = {"logits": ["batch", len(config.labels)]}
        return self._main.graph(dict.fromkeys(INPUTS, _TOKENS), outputs)

    def _write_attention_bias(self) -> str:
        """Write 0 for tokens and _MASKED for padding, floats [batch, 1, 1, sequence]."""
        main = self._main
        is_token = main.add("Cast", "attention_mask", to=TensorProto.BOOL)
        is_token = main.add("Unsqueeze", is_token, main.integers(1, 2))
        unmasked, masked = main.scalar(0.0), main.scalar(_MASKED[self._float_type])
        return main.add("Where", is_token, unmasked, masked)

    def _write_embeddings(self) -> str:
        """Write the embedded tokens mapped to the hidden size, [batch, sequence, hidden]."""
        main = self._main
        word = self._embed_words()
        kind = main.add(
            "Gather", self._weight(f"{EMBEDDINGS}.token_type_embeddings"), "token_type_ids"
        )
        positions = self._weight(f"{EMBEDDINGS}.position_embeddings")
        position = main.add("Slice", positions, main.integers(0), self._sequence)
        summed = main.add("Add", main.add("Add", word, kind), position)
        return self._linear(main, MAPPING, self._norm(main, f"{EMBEDDINGS}.LayerNorm", summed))

    def _embed_words(self) -> str:
        """Write the rows of the word embeddings, [batch, sequence, embedding]."""
        table = self._weight(f"{EMBEDDINGS}.word_embeddings")
        return self._main.add("Gather", table, "input_ids")

    def _write_group(self, group: int, layers: int, hidden: str) -> str:
        """Write the ``layers`` layers that use one group's weights as iterations of one loop."""
        config = self._config
        body = self._main.body(f"g{group}")
        state = body.state
        ends_classifier = group == config.num_hidden_groups - 1 and not config.is_question_answering
        for inner in range(config.inner_group_num):
            narrows = ends_classifier and inner == config.inner_group_num - 1
            rows = self._write_row_count(body, layers) if narrows else None
            state = self._write_layer(body, layer_prefix(group, inner), state, rows)
        return self._main.loop(body, layers, hidden, state, ["batch", "rows", config.hidden_size])

    def _write_row_count(self, body: LoopBody, layers: int) -> str:
        """Write how many positions the layer is asked for: all, but NARROWED in the last one."""
        is_last_layer = body.add("Equal", body.iteration, body.integer(layers - 1))
        return body.add("Where", is_last_layer, body.integers(NARROWED), self._sequence)

    def _write_layer(self, body: GraphBuilder, prefix: str, hidden: str, rows: str | None) -> str:
        """Write one layer, [batch, sequence, hidden] in and [batch, rows, hidden] out."""
        asked = hidden
        if rows is not None:
            asked = body.add("Slice", hidden, body.integers(0), rows, body.integers(1))
        attended = self._write_attention(body, f"{prefix}.attention", asked, hidden)
        inner = self._product(body, f"{prefix}.ffn", attended)
        inner = self._product(body, f"{prefix}.ffn_output", self._activate(body, inner))
        return self._norm(body, f"{prefix}.full_layer_layer_norm", body.add("Add", inner, attended))

    def _write_attention(self, body: GraphBuilder, prefix: str, asked: str, hidden: str) -> str:
        config = self._config
        scale = 1 / np.sqrt(config.head_size)  # folded into the query's weights
        query = self._product(body, f"{prefix}.query", asked, scale)
        query = self._split_query(body, query)
        key = self._split_key(body, self._product(body, f"{prefix}.key", hidden))
        value = self._product(body, f"{prefix}.value", hidden)
        value = self._heads(body, value, [0, 2, 1, 3])
        scores = body.add("Add", self._write_scores(body, query, key), self._attention_bias)
        context = body.add("MatMul", body.add("Softmax", scores, axis=-1), value)
        context = self._product(body, f"{prefix}.dense", self._merge_heads(body, context))
        return self._norm(body, f"{prefix}.LayerNorm", body.add("Add", asked, context))

    def _split_query(self, body: GraphBuilder, query: str) -> str:
        """Write the queries of each head, [batch, heads, rows, head]."""
        return self._heads(body, query, [0, 2, 1, 3])

    def _split_key(self, body: GraphBuilder, key: str) -> str:
        """Write the keys of each head, [batch, heads, head, sequence]."""
        return self._heads(body, key, [0, 2, 3, 1])

    def _write_scores(self, body: GraphBuilder, query: str, key: str) -> str:
        """Write what each row's query makes of each key, [batch, heads, rows, sequence]."""
        return body.add("MatMul", query, key)

    def _merge_heads(self, body: GraphBuilder, context: str) -> str:
        """Write the heads' contexts side by side, [batch, rows, hidden]."""
        context = body.add("Transpose", context, perm=[0, 2, 1, 3])
        return body.add("Reshape", context, body.integers(0, 0, self._config.hidden_size))

    def _heads(self, body: GraphBuilder, hidden: str, order: list[int]) -> str:
        config = self._config
        split = body.integers(0, 0, config.num_attention_heads, config.head_size)
        return body.add("Transpose", body.add("Reshape", hidden, split), perm=order)

    def _activate(self, body: GraphBuilder, inner: str) -> str:
        match self._config.activation:
            case Activation.GELU:
                return body.add("Gelu", inner)
            case Activation.GELU_TANH:
                return body.add("Gelu", inner, approximate="tanh")
            case Activation.RELU:
                return body.add("Relu", inner)
            case Activation.TANH:
                return body.add("Tanh", inner)
            case Activation.SILU:
                return body.add("Mul", inner, body.add("Sigmoid", inner))

    def _write_classifier(self, hidden: str) -> None:
        """Write the pooler, Linear and tanh on [CLS], and the classifier."""
        main = self._main
        first = main.add("Gather", hidden, main.integer(0), axis=1)
        pooled = main.add("Tanh", self._linear(main, POOLER, first))
        main.add_result("Add", *self._unbiased(main, CLASSIFIER, pooled), name="logits")

    def _write_span_head(self, hidden: str) -> None:
        """Write the scores of each position as first and as last of the answer."""
        main = self._main
        both = self._linear(main, SPAN_HEAD, hidden)
        for index, name in enumerate(SPAN_OUTPUTS):
            main.add_result("Gather", both, main.integer(index), axis=2, name=name)

    def _product(self, body: GraphBuilder, prefix: str, value: str, scale: float = 1.0) -> str:
        """Write one of the six products of a layer, scaled."""
        return self._linear(body, prefix, value, scale)

    def _linear(self, graph: GraphBuilder, prefix: str, value: str, scale: float = 1.0) -> str:
        """Write ``scale * (value @ weight.T + bias)``, scaled in float64 before it is stored."""
        return graph.add("Add", *self._unbiased(graph, prefix, value, scale))

    def _unbiased(
        self, graph: GraphBuilder, prefix: str, value: str, scale: float = 1.0
    ) -> tuple[str, str]:
        """Write the product of a linear layer, and return its name and the bias' name."""
        weight = self._weights[f"{prefix}.weight"].astype(np.float64).T * scale
        bias = self._weights[f"{prefix}.bias"].astype(np.float64) * scale
        product = graph.add("MatMul", value, graph.floats(f"{prefix}.weight", weight))
        return product, graph.floats(f"{prefix}.bias", bias)

    def _norm(self, graph: GraphBuilder, prefix: str, value: str) -> str:
        scale = self._weight(prefix)
        bias = graph.floats(f"{prefix}.bias", self._weights[f"{prefix}.bias"])
        epsilon = self._config.layer_norm_eps
        return graph.add("LayerNormalization", value, scale, bias, epsilon=epsilon)

    def _weight(self, prefix: str) -> str:
        name = f"{prefix}.weight"
        return self._main.floats(name, self._weights[name])
