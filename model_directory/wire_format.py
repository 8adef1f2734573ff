"""Reads protobuf's wire format, in which a graph's file is one message.

https://protobuf.dev/programming-guides/encoding/ describes it. The onnx package is not needed, and
nothing is copied.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from model_directory.errors import ModelDirectoryError

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LARGEST_TAG = (1 << 32) - 1
"""Of a larger one protobuf drops the bits above: it would see another field than we do."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    ``start`` and ``end`` bound its content in the view; ``varint`` is its value, 0 of other types.
    """

    number: int
    is_message: bool
    varint: int
    start: int
    end: int


def read_fields(view: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message between ``start`` and ``end``. Strings and bytes count as messages:
    the format does not tell them apart.

    ModelDirectoryError when it is not well formed.
    """
    while start < end:
        tag, position = _read_varint(view, start, end)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or tag > _LARGEST_TAG:
            raise _malformed()
        value, content = 0, position
        if wire_type == _VARINT:
            value, position = _read_varint(view, position, end)
        elif wire_type == _LENGTH:
            length, content = _read_varint(view, position, end)
            position = content + length
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        else:
            raise _malformed()
        if position > end:
            raise _malformed()
        yield Field(number, wire_type == _LENGTH, value, content, position)
        start = position


def _read_varint(view: memoryview, position: int, end: int) -> tuple[int, int]:
    """The number there, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _malformed()


def _malformed() -> ModelDirectoryError:
    return ModelDirectoryError("the graph is not a well-formed ONNX file")
