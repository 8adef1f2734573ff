"""How a graph is run a few layers at a time: which of its values are given and taken for that.

From outside such a graph is like any other: three inputs, and the outputs of its task. Whoever
wants to run some of its layers now and the others later adds ``declarations`` to the file, as it is
read: they make inputs of three constants that it holds, which are their defaults, and an output of
what comes out of the layers. Rows at different layers may go through together, for an ALBERT's
layers share their weights (docs/export.md).

The field numbers are those of ``onnx.proto`` (ONNX IR, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from dataclasses import dataclass
from typing import NamedTuple

from model_directory.wire_format import message_field, varint_field


class Value(NamedTuple):
    """A tensor of the graph: its ``TensorProto.DataType``, and the names of its dimensions."""

    name: str
    data_type: int
    dimensions: tuple[str, ...]


_FLOAT, _INT64, _BOOL = 1, 7, 9

CARRIED = Value("carried", _FLOAT, ("carried tokens", "hidden size"))
"""Input: the tokens of all rows, as they came out of a layer: the first of every row, then the
second of every row, and so on, as ``attention_mask`` says where there are any; the first two
positions of a row count as tokens even if they are padding. By default there are none, and what is
in ``input_ids`` and ``token_type_ids`` is embedded; if there are, that must be empty.
"""

LAYERS = Value("layers", _INT64, ())
"""Input: how many layers are run, by default all."""

ENDS = Value("ends", _BOOL, ("ending rows",))
"""Input of a classifier, of each row or one for all: whether the last layer that is run is the last
of all. It computes no more of that row than the head needs then. By default it is. The tokens of
such rows, but for the first two of each, come behind all others in ``CARRIED``.
"""

LEFT = Value("left", _FLOAT, ("left tokens", "hidden size"))
"""Output: the tokens as they come out, in the order of ``CARRIED``; of a row that ``ENDS``, two."""

_GRAPH_OF_MODEL = 7
_INPUT, _OUTPUT = 11, 12
_NAME, _TYPE = 1, 2
_TENSOR_TYPE = 1
_ELEMENT_TYPE, _SHAPE = 1, 2
_DIMENSION, _DIMENSION_NAME = 1, 2


@dataclass(frozen=True, slots=True)
class Steps:
    """Of a model that can be run a few of its ``layers`` at a time."""

    layers: int
    classifies: bool


def declarations(steps: Steps) -> bytes:
    """What is to stand behind the bytes of the serialised model. Parsers of protobuf merge messages
    that stand twice, so this adds to its graph.
    """
    inputs = (CARRIED, LAYERS, ENDS) if steps.classifies else (CARRIED, LAYERS)
    graph = b"".join(message_field(_INPUT, _described(value)) for value in inputs)
    return message_field(_GRAPH_OF_MODEL, graph + message_field(_OUTPUT, _described(LEFT)))


def _described(value: Value) -> bytes:
    shape = b"".join(
        message_field(_DIMENSION, message_field(_DIMENSION_NAME, name.encode()))
        for name in value.dimensions
    )
    tensor = varint_field(_ELEMENT_TYPE, value.data_type) + message_field(_SHAPE, shape)
    kind = message_field(_TENSOR_TYPE, tensor)
    return message_field(_NAME, value.name.encode()) + message_field(_TYPE, kind)
