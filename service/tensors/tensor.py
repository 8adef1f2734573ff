"""A tensor, and what a model says of the tensors that it takes and gives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

ANY = -1
"""A dimension of any size, in a specification."""


class Datatype(StrEnum):
    """The types of the protocol that are used here."""

    BYTES = "BYTES"
    INT64 = "INT64"
    FP32 = "FP32"


class TensorError(ValueError):
    """A tensor that is not what it should be; the message is a sentence that says how.

    ``element`` is the position of the element at fault, in row-major order.
    """

    def __init__(self, message: str, element: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.element = element


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a tensor of a model is: ``shape`` has ``ANY`` where the size may vary. That of an input
    is from 1 to what ``most`` has in the same place.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    most: tuple[int, ...] = ()
    optional: bool = False

    def check(self, datatype: str, shape: Sequence[int]) -> None:
        """Raises TensorError for another datatype, or a shape that does not fit or is too large. A
        last dimension of 1 may be left out.
        """
        if datatype != self.datatype:
            raise TensorError(f"The datatype is {_short(datatype)} and must be {self.datatype}.")
        shapes = [self.shape, self.shape[:-1]] if self.shape[-1] == 1 else [self.shape]
        if not any(_fits(shape, allowed) for allowed in shapes):
            allowed = " or ".join(str(list(allowed)) for allowed in shapes)
            raise TensorError(f"The shape is {_short(list(shape))} and must be {allowed}.")
        if any(not 1 <= size <= most for size, most in zip(shape, self.most, strict=False)):
            sizes = ", ".join(f"1 to {most}" for most in self.most[: len(shape)])
            raise TensorError(f"The shape is {_short(list(shape))} and may be [{sizes}].")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Elements in row-major order: texts for BYTES, an array ``[elements]`` of int64 for INT64 and
    of float32 for FP32.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    elements: list[str] | NDArray[Any]

    @classmethod
    def of_texts(cls, name: str, rows: Sequence[Sequence[str]]) -> "Tensor":
        """BYTES ``[rows, columns]``; every row has as many."""
        shape = (len(rows), len(rows[0]))
        return cls(name, Datatype.BYTES, shape, [text for row in rows for text in row])

    @classmethod
    def of_integers(cls, name: str, rows: Sequence[Sequence[int]]) -> "Tensor":
        """INT64 ``[rows, columns]``."""
        return cls.of_array(name, np.asarray(rows, dtype=np.int64))

    @classmethod
    def of_floats(cls, name: str, rows: Sequence[Sequence[float]]) -> "Tensor":
        """FP32 ``[rows, columns]``."""
        return cls.of_array(name, np.asarray(rows, dtype=np.float32))

    @classmethod
    def of_array(cls, name: str, array: NDArray[Any]) -> "Tensor":
        """INT64 of an int64 array, FP32 of a float32 array."""
        datatype = Datatype.INT64 if array.dtype == np.int64 else Datatype.FP32
        return cls(name, datatype, array.shape, array.reshape(-1))

    @property
    def texts(self) -> list[str]:
        """The elements of a BYTES tensor."""
        assert isinstance(self.elements, list)
        return self.elements

    @property
    def array(self) -> NDArray[Any]:
        """The elements of a tensor of numbers, in its shape."""
        assert not isinstance(self.elements, list)
        return self.elements.reshape(self.shape)


def count_of(shape: Sequence[int]) -> int:
    """Elements in a tensor of ``shape``."""
    return math.prod(shape)


def _fits(shape: Sequence[int], allowed: Sequence[int]) -> bool:
    return len(shape) == len(allowed) and all(
        wanted in (ANY, size) for size, wanted in zip(shape, allowed, strict=True)
    )


def _short(value: object) -> str:
    """What a caller sent, of any length, for a sentence."""
    text = str(value)
    return text if len(text) <= 64 else text[:63] + "…"
