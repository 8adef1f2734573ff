"""The two forms of a tensor's elements on the wire: a JSON array, and the bytes of Triton's binary
tensor data extension (little-endian, row-major; each BYTES element has its length before it).

What comes in is checked against a shape, none of whose sizes is 0: no loop here is longer, and no
array larger, than what was received, whatever the shape claims.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.tensors.tensor import Datatype, Tensor, TensorError, count_of

LENGTH_BYTES = 4
"""Before each BYTES element: an unsigned integer."""

DTYPES: dict[Datatype, str] = {Datatype.INT64: "<i8", Datatype.FP32: "<f4"}


# Binary ------------------------------------------------------------------------------------------


def from_binary(name: str, datatype: Datatype, shape: Sequence[int], raw: bytes) -> Tensor:
    """The tensor whose elements are ``raw``. Raises TensorError."""
    count = count_of(shape)
    if datatype is Datatype.BYTES:
        return Tensor(name, datatype, tuple(shape), _texts_of(raw, count))
    dtype = np.dtype(DTYPES[datatype])
    if len(raw) != count * dtype.itemsize:
        raise TensorError(
            f"There are {len(raw)} bytes and {count} elements of {datatype} take "
            f"{count * dtype.itemsize}."
        )
    array = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=False)
    return Tensor(name, datatype, tuple(shape), array)


def to_binary(tensor: Tensor) -> bytes:
    """The elements of ``tensor`` as bytes."""
    if tensor.datatype is Datatype.BYTES:
        encoded = [text.encode() for text in tensor.texts]
        return b"".join(
            part for each in encoded for part in (len(each).to_bytes(LENGTH_BYTES, "little"), each)
        )
    return tensor.array.astype(DTYPES[tensor.datatype], copy=False).tobytes()


def _texts_of(raw: bytes, count: int) -> list[str]:
    texts: list[str] = []
    position = 0
    for element in range(count):
        start = position + LENGTH_BYTES
        length = int.from_bytes(raw[position:start], "little")
        position = start + length
        if start > len(raw) or position > len(raw):
            raise TensorError(
                f"The bytes end within element {element} of {count}: each needs its length in "
                f"{LENGTH_BYTES} bytes, little-endian, and then as many bytes.",
                element,
            )
        try:
            texts.append(raw[start:position].decode())
        except UnicodeDecodeError as error:
            raise TensorError("The text is not UTF-8.", element) from error
    if position != len(raw):
        raise TensorError(f"{len(raw) - position} bytes are left after the {count} elements.")
    return texts


# JSON --------------------------------------------------------------------------------------------


def from_json(name: str, datatype: Datatype, shape: Sequence[int], data: Any) -> Tensor:
    """The tensor, BYTES or INT64, whose elements are ``data``: parsed JSON, an array that is flat
    or nested in the tensor's shape. Raises TensorError.
    """
    flat = _flat(data, shape)
    if datatype is Datatype.BYTES:
        _check_types(flat, {str}, "a string")
        return Tensor(name, datatype, tuple(shape), flat)
    return Tensor(name, datatype, tuple(shape), _integers_of(flat))


def to_json(tensor: Tensor) -> list[Any]:
    """The elements of ``tensor``, flat."""
    if tensor.datatype is Datatype.BYTES:
        return tensor.texts
    values: list[Any] = tensor.array.reshape(-1).tolist()
    return values


def _flat(data: Any, shape: Sequence[int]) -> list[Any]:
    if not isinstance(data, list):
        raise TensorError("The data must be an array.")
    level, count = data, count_of(shape)
    # More than there can be, nested or not, are not looked at one by one.
    if len(level) <= count and list in set(map(type, level)):
        expected = shape[0]
        for inner in shape[1:]:
            if len(level) != expected or not all(
                isinstance(row, list) and len(row) == inner for row in level
            ):
                raise TensorError(f"The nested arrays are not of the shape {list(shape)}.")
            level = list(chain.from_iterable(level))
            expected *= inner
    if len(level) != count:
        raise TensorError(
            f"The data has {len(level)} elements and the shape {list(shape)} has {count}."
        )
    return level


def _check_types(flat: list[Any], allowed: set[type], what: str) -> None:
    if set(map(type, flat)) <= allowed:
        return
    element = next(index for index, value in enumerate(flat) if type(value) not in allowed)
    raise TensorError(f"The element must be {what}.", element)


def _integers_of(flat: list[Any]) -> NDArray[np.int64]:
    """JSON has one kind of number: 2.0 is the integer 2."""
    if set(map(type, flat)) != {int}:
        _check_types(flat, {int, float}, "an integer")
        for element, value in enumerate(flat):
            if isinstance(value, float) and not value.is_integer():
                raise TensorError("The element must be an integer.", element)
        flat = [int(value) for value in flat]
    try:
        return np.array(flat, dtype=np.int64)
    except OverflowError as error:
        raise TensorError(f"An element is beyond the range of {Datatype.INT64}.") from error
