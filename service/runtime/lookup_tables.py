"""Takes the embedding tables out of a graph's file, so that several sessions of it hold them once.

The field numbers are those of ``onnx.proto`` (ONNX IR, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_directory.wire_format import Field, read_fields

Table = NDArray[Any]
"""float32, uint8 or int8."""

LEAST_BYTES = 1 << 20
"""Smaller ones are not worth their own handling."""

_GRAPH_OF_MODEL = 7
_NODE, _INITIALIZER = 1, 5
_INPUT, _OP_TYPE = 1, 4
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1")}
"""By the number of ``TensorProto.DataType``."""


def lookup_tables(model: bytes) -> dict[str, Table]:
    """The tensors from which the graph of a serialised ModelProto gathers rows, by name: ALBERT's
    word embeddings. They are copies.

    onnxruntime brings the weights of products into an order of its own, once for each session, and
    that cannot be shared; a table it reads as it is. ModelDirectoryError if it is not well formed.
    """
    view = memoryview(model)
    tables: dict[str, Table] = {}
    gathered: set[bytes] = set()
    for graph in _messages(view, Field(0, True, 0, 0, len(view)), _GRAPH_OF_MODEL):
        for node in _messages(view, graph, _NODE):
            inputs = [_content(view, each) for each in _messages(view, node, _INPUT)]
            operators = [_content(view, each) for each in _messages(view, node, _OP_TYPE)]
            if operators == [b"Gather"] and inputs:
                gathered.add(inputs[0])
        for initializer in _messages(view, graph, _INITIALIZER):
            name, table = _tensor(view, initializer)
            if name in gathered and table is not None and table.nbytes >= LEAST_BYTES:
                tables[name.decode()] = table.copy()
    return tables


def rows_of(model: bytes, name: str) -> int | None:
    """The first dimension of the tensor of that name in the graph of a serialised ModelProto; None
    if it has none, or not written out. ModelDirectoryError if it is not well formed.
    """
    view = memoryview(model)
    for graph in _messages(view, Field(0, True, 0, 0, len(view)), _GRAPH_OF_MODEL):
        for initializer in _messages(view, graph, _INITIALIZER):
            fields = list(read_fields(view, initializer.start, initializer.end))
            if [_content(view, each) for each in fields if each.number == _NAME] == [name.encode()]:
                return next((each.varint for each in fields if each.number == _DIMS), 0) or None
    return None


def _tensor(view: memoryview, tensor: Field) -> tuple[bytes, Table | None]:
    """Its name and its values; None where these are not raw bytes of a known type."""
    shape: list[int] = []
    dtype, name, raw = None, b"", None
    for field in read_fields(view, tensor.start, tensor.end):
        if field.number == _DIMS:
            shape.append(field.varint)
        elif field.number == _DATA_TYPE:
            dtype = _DTYPES.get(field.varint)
        elif field.number == _NAME:
            name = _content(view, field)
        elif field.number == _RAW_DATA:
            raw = view[field.start : field.end]
    if dtype is None or raw is None or math.prod(shape) * dtype.itemsize != len(raw):
        return name, None
    return name, np.frombuffer(raw, dtype).reshape(shape)


def _messages(view: memoryview, parent: Field, number: int) -> Iterator[Field]:
    return (
        field
        for field in read_fields(view, parent.start, parent.end)
        if field.number == number and field.is_message
    )


def _content(view: memoryview, field: Field) -> bytes:
    return bytes(view[field.start : field.end])
