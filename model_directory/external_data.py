"""Finds ONNX tensors that live outside the graph's file, by reading protobuf's wire format.

The field numbers are those of ``onnx.proto`` (ONNX IR, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3);
the wire format is protobuf's (https://protobuf.dev/programming-guides/encoding/). The onnx package
is not needed, so the service can ask before onnxruntime opens a path that the graph names.
"""

from model_directory.errors import ModelDirectoryError

_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _TRAINING, _FUNCTION = range(8)

# message -> field number -> message held by that field
_CHILDREN: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _TENSOR: {},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
}
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 64
_MAX_FIELDS = 200_000


def refuse_external_data(model: bytes) -> None:
    """Raise ModelDirectoryError if a tensor of the serialised ModelProto is kept elsewhere.

    Looks at initialisers, at tensors in node attributes, and into subgraphs, functions and training
    information. A file that is not a well-formed message is refused too.
    """
    view = memoryview(model)
    waiting = [(_MODEL, 0, len(view), 0)]
    fields = 0
    while waiting:
        message, position, end, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ModelDirectoryError("the graph is nested too deeply")
        while position < end:
            fields += 1
            if fields > _MAX_FIELDS:
                raise ModelDirectoryError("the graph has too many parts")
            tag, position = _varint(view, position, end)
            number, wire_type = tag >> 3, tag & 7
            value, start, position = _field(view, position, end, wire_type)
            if message == _TENSOR and (
                number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value)
            ):
                raise ModelDirectoryError("the graph keeps a tensor outside its file")
            child = _CHILDREN[message].get(number)
            if child is not None and wire_type == _LENGTH:
                waiting.append((child, start, position, depth + 1))


def _field(view: memoryview, position: int, end: int, wire_type: int) -> tuple[int, int, int]:
    """Return a field's varint (0 for other types), and where its content begins and ends."""
    value, start = 0, position
    if wire_type == _VARINT:
        value, position = _varint(view, position, end)
    elif wire_type == _LENGTH:
        length, start = _varint(view, position, end)
        position = start + length
    elif wire_type in (_FIXED64, _FIXED32):
        position += 8 if wire_type == _FIXED64 else 4
    else:
        raise ModelDirectoryError("the graph is not a well-formed ONNX file")
    if position > end:
        raise ModelDirectoryError("the graph is not a well-formed ONNX file")
    return value, start, position


def _varint(view: memoryview, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ModelDirectoryError("the graph is not a well-formed ONNX file")
