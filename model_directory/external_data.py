"""Finds ONNX tensors outside the graph's file, before onnxruntime opens a path that it names.

The field numbers are those of ``onnx.proto`` (ONNX IR, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from model_directory.errors import ModelDirectoryError
from model_directory.wire_format import read_fields

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
        message, start, end, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ModelDirectoryError("the graph is nested too deeply")
        for field in read_fields(view, start, end):
            fields += 1
            if fields > _MAX_FIELDS:
                raise ModelDirectoryError("the graph has too many parts")
            if message == _TENSOR and (
                field.number == _TENSOR_EXTERNAL_DATA
                or (field.number == _TENSOR_DATA_LOCATION and field.varint)
            ):
                raise ModelDirectoryError("the graph keeps a tensor outside its file")
            child = _CHILDREN[message].get(field.number)
            if child is not None and field.is_message:
                waiting.append((child, field.start, field.end, depth + 1))
