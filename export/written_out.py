"""Writes the layers one after the other instead of a loop, so that each can be told apart."""

from collections.abc import Collection
from typing import Any

import numpy as np
from onnx import GraphProto, TensorProto
from onnx import helper as onnx_helper

from export.config import AlbertConfig
from export.graph import AlbertWriter
from export.graph_builder import FLOAT32, GraphBuilder
from export.token_layout import Packed, TokenLayout
from export.weights import Weights, layer_prefix

Step = int
"""A layer's number counted from the first; each inner layer of a group counts."""


def step_prefixes(config: AlbertConfig) -> list[str]:
    """Return where each step's tensors are, in the order of the steps."""
    return [
        layer_prefix(config.group_of_layer(layer), inner)
        for layer in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
    ]


class WrittenOutWriter(AlbertWriter):
    """Every layer has nodes of its own; those that share weights use the same initializers.

    ``observed`` holds the names of what subclasses and callers may look at: by step and what it is.
    """

    def __init__(
        self,
        config: AlbertConfig,
        weights: Weights,
        float_type: np.dtype[Any] = FLOAT32,
        layout: type[TokenLayout] = Packed,
    ) -> None:
        self.observed: dict[tuple[Step, str], str] = {}
        self._step: Step = -1
        super().__init__(config, weights, float_type, layout)

    def write_observed(self, wanted: Collection[str]) -> tuple[GraphProto, list[tuple[Step, str]]]:
        """Write the graph with the observed values of these kinds as outputs behind its own.

        Returns the graph and, in the order of those outputs, what they are.
        """
        graph = self.write()
        keys = [key for key in self.observed if key[1] in wanted]
        for key in keys:
            name = self.observed[key]
            # A value may be observed twice; an output of its own keeps the two apart.
            output = f"{key[1]} {key[0]}"
            graph.node.append(onnx_helper.make_node("Identity", [name], [output]))
            graph.output.append(onnx_helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        return graph, keys

    def _write_group(self, group: int, layers: int, hidden: str) -> str:
        config = self._config
        ends_classifier = group == config.num_hidden_groups - 1 and not config.is_question_answering
        for layer in range(layers):
            for inner in range(config.inner_group_num):
                self._step += 1
                narrows = (
                    ends_classifier and layer == layers - 1 and inner == config.inner_group_num - 1
                )
                asked = self._layout.narrowed(self._main, None) if narrows else None
                hidden = self._write_layer(self._main, layer_prefix(group, inner), hidden, asked)
                self._observe("output", hidden)
        return hidden

    def _product(self, body: GraphBuilder, prefix: str, value: str, scale: float = 1.0) -> str:
        kind = prefix.rpartition(".")[2]
        if kind not in ("query", "value"):  # both take what the key takes, or less of it
            self._observe(f"input of {kind}", value)
        result = self._compute_product(body, prefix, value, scale)
        if kind in ("query", "key"):
            self._observe(kind, result)
        return result

    def _compute_product(self, body: GraphBuilder, prefix: str, value: str, scale: float) -> str:
        return super()._product(body, prefix, value, scale)

    def _observe(self, kind: str, value: str) -> None:
        self.observed[self._step, kind] = value
