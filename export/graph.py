"""Writes ALBERT as an ONNX graph: every weight once in the file, and once in memory.

Layers that share weights are iterations of one ``Loop`` whose body holds each use of a weight once,
so onnxruntime packs it once, however many layers there are. Padding is left out of all but the
attention (``export.token_layout``). In the last layer of a classifier only [CLS] and its neighbour
are asked for after keys and values. `docs/export.md` has the measurements behind all three.

The architecture is that of "ALBERT: A Lite BERT" (https://arxiv.org/abs/1909.11942) as
transformers' AlbertModel implements it.
"""

from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto
from onnx import helper as onnx_helper

from export.config import Activation, AlbertConfig
from export.graph_builder import FLOAT16, FLOAT32, Constants, Dimensions, GraphBuilder, LoopBody
from export.token_layout import Asked, Packed, TokenLayout
from export.weights import (
    CLASSIFIER,
    EMBEDDINGS,
    MAPPING,
    POOLER,
    SPAN_HEAD,
    Weights,
    layer_prefix,
)
from model_directory.graph_names import INPUTS, SPAN_OUTPUTS

OPSET = 20  # the first with Gelu
IR_VERSION = 9
PRODUCER = "albert-export"

_TOKENS = ("batch", "sequence")

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
        self,
        config: AlbertConfig,
        weights: Weights,
        float_type: np.dtype[Any] = FLOAT32,
        layout: type[TokenLayout] = Packed,
    ) -> None:
        self._config = config
        self._weights = weights
        self._float_type = float_type
        self._main = GraphBuilder("albert", Constants(float_type))
        self._layout = layout(self._main, config)
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
        """Write the embedded tokens mapped to the hidden size, […, hidden]."""
        main = self._main
        word = self._embed_words(self._layout.tokens("input_ids"))
        kinds = self._weight(f"{EMBEDDINGS}.token_type_embeddings")
        kind = main.add("Gather", kinds, self._layout.tokens("token_type_ids"))
        position = self._layout.positions(self._weight(f"{EMBEDDINGS}.position_embeddings"))
        summed = main.add("Add", main.add("Add", word, kind), position)
        return self._linear(main, MAPPING, self._norm(main, f"{EMBEDDINGS}.LayerNorm", summed))

    def _embed_words(self, ids: str) -> str:
        """Write the rows of the word embeddings, […, embedding]."""
        return self._main.add("Gather", self._weight(f"{EMBEDDINGS}.word_embeddings"), ids)

    def _write_group(self, group: int, layers: int, hidden: str) -> str:
        """Write the ``layers`` layers that use one group's weights as iterations of one loop."""
        config = self._config
        body = self._main.body(f"g{group}")
        state = body.state
        ends_classifier = group == config.num_hidden_groups - 1 and not config.is_question_answering
        for inner in range(config.inner_group_num):
            narrows = ends_classifier and inner == config.inner_group_num - 1
            asked = self._write_asked(body, layers) if narrows else None
            state = self._write_layer(body, layer_prefix(group, inner), state, asked)
        return self._main.loop(body, layers, hidden, state, self._layout.dimensions)

    def _write_asked(self, body: LoopBody, layers: int) -> Asked | None:
        """Write which tokens the layer is asked for: all, but few in the last one."""
        is_last_layer = body.add("Equal", body.iteration, body.integer(layers - 1))
        return self._layout.narrowed(body, is_last_layer)

    def _write_layer(
        self, body: GraphBuilder, prefix: str, hidden: str, asked: Asked | None
    ) -> str:
        """Write one layer: all tokens in, those that are ``asked`` for (None: all) out."""
        attended = self._write_attention(body, f"{prefix}.attention", hidden, asked)
        inner = self._product(body, f"{prefix}.ffn", attended)
        inner = self._product(body, f"{prefix}.ffn_output", self._activate(body, inner))
        return self._norm(body, f"{prefix}.full_layer_layer_norm", body.add("Add", inner, attended))

    def _write_attention(
        self, body: GraphBuilder, prefix: str, hidden: str, asked: Asked | None
    ) -> str:
        config, layout = self._config, self._layout
        taken = layout.take(body, hidden, asked)
        scale = 1 / np.sqrt(config.head_size)  # folded into the query's weights
        query = self._product(body, f"{prefix}.query", taken, scale)
        query = self._split_query(body, query, asked)
        key = self._split_key(body, self._product(body, f"{prefix}.key", hidden))
        value = layout.split(body, self._product(body, f"{prefix}.value", hidden))
        scores = body.add("Add", self._write_scores(body, query, key), self._attention_bias)
        context = body.add("MatMul", body.add("Softmax", scores, axis=-1), value)
        context = self._merge_heads(body, context, asked)
        context = self._product(body, f"{prefix}.dense", context)
        return self._norm(body, f"{prefix}.LayerNorm", body.add("Add", taken, context))

    def _split_query(self, body: GraphBuilder, query: str, asked: Asked | None) -> str:
        """Write the queries of each head, [batch, heads, rows, head]."""
        return self._layout.split(body, query, asked)

    def _split_key(self, body: GraphBuilder, key: str) -> str:
        """Write the keys of each head, [batch, heads, head, sequence]."""
        return self._layout.split_turned(body, key)

    def _write_scores(self, body: GraphBuilder, query: str, key: str) -> str:
        """Write what each row's query makes of each key, [batch, heads, rows, sequence]."""
        return body.add("MatMul", query, key)

    def _merge_heads(self, body: GraphBuilder, context: str, asked: Asked | None) -> str:
        """Write the heads' contexts side by side, […, hidden]."""
        return self._layout.merge(body, context, asked)

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
        pooled = main.add("Tanh", self._linear(main, POOLER, self._layout.first(hidden)))
        main.add_result("Add", *self._unbiased(main, CLASSIFIER, pooled), name="logits")

    def _write_span_head(self, hidden: str) -> None:
        """Write the scores of each position as first and as last of the answer."""
        main = self._main
        both = self._layout.spread(self._linear(main, SPAN_HEAD, hidden))
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
