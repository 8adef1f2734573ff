"""Reads one safetensors file, whose header is checked whole before anything is allocated for it.

The format (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length,
a JSON header ``{name: {dtype, shape, data_offsets}}``, then the data, without holes or overlaps.
"""

import math
import os
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportRefusedError
from export.strict_json import parse_json

MAX_HEADER_BYTES = 4 << 20  # some 30,000 tensors; ALBERT has about 30 for each group

# Item sizes in bytes of the dtypes that a checkpoint's file may hold
_ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2,
    "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
FLOAT_DTYPES = ("F32", "F16", "BF16", "F64")


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """Where one tensor lies: ``start`` and ``end`` are byte positions in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_header(file: BufferedIOBase, file_name: str) -> dict[str, TensorRecord]:
    """Read and check the header of the open file; its tensors by name.

    ExportRefusedError, naming the file, if the header is not whole or describes anything but
    tensors that fill the file exactly.
    """
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        raise ExportRefusedError(f"{file_name} is truncated: it has {size} bytes")
    header_bytes = int.from_bytes(file.read(8), "little")
    if header_bytes > MAX_HEADER_BYTES:
        raise ExportRefusedError(
            f"{file_name} is not a safetensors file: its header would be {header_bytes} bytes long"
        )
    if header_bytes > size - 8:
        raise ExportRefusedError(f"{file_name} is truncated: its header does not fit in it")
    entries = _parse(file.read(header_bytes), file_name)
    data_start = 8 + header_bytes
    records = [
        _record(name, entry, data_start, file_name)
        for name, entry in entries.items()
        if name != "__metadata__"
    ]
    _check_layout(records, data_start, size, file_name)
    return {record.name: record for record in records}


def read_float_tensor(file: BufferedIOBase, record: TensorRecord) -> NDArray[Any]:
    """Read one tensor as a fresh float32 array (float64 where the file has F64).

    F16 and BF16 widen to float32 without loss. ExportRefusedError, naming the tensor, if it holds
    NaN, an infinity or a float64 that float32 cannot hold, or if the file ended before it.
    """
    content = np.empty(record.end - record.start, np.uint8)
    file.seek(record.start)
    if file.readinto(content.data) != len(content):
        raise ExportRefusedError(f"tensor {record.name!r} is cut off")
    if record.dtype == "BF16":
        widened = content.view("<u2").astype(np.uint32)
        widened <<= 16
        array = widened.view(np.float32)
    else:
        stored = content.view({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[record.dtype])
        array = stored.astype(np.float64 if record.dtype == "F64" else np.float32, copy=False)
    largest = np.finfo(np.float32).max
    if not (array.min(initial=0) >= -largest and array.max(initial=0) <= largest):  # nor NaN
        raise ExportRefusedError(f"tensor {record.name!r} holds NaN or an infinity, in float32")
    return array.reshape(record.shape)


def _parse(header: bytes, file_name: str) -> dict[str, Any]:
    try:
        entries = parse_json(header.decode("utf-8"))
    except ValueError as error:
        raise ExportRefusedError(
            f"{file_name} is not a safetensors file: its header is not valid JSON"
        ) from error
    if not isinstance(entries, dict):
        raise ExportRefusedError(f"{file_name} is not a safetensors file: its header is no object")
    return entries


def _record(name: str, entry: Any, data_start: int, file_name: str) -> TensorRecord:
    wrong = ExportRefusedError(
        f"{file_name}: the header entry of tensor {name[:200]!r} is not valid"
    )
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise wrong
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not (_are_sizes(shape) and len(shape) <= 8 and _are_sizes(offsets) and len(offsets) == 2):
        raise wrong
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise ExportRefusedError(f"{file_name}: tensor {name[:200]!r} has an unknown dtype")
    start, end = offsets
    if end - start != math.prod(shape) * _ITEM_BYTES[dtype]:
        raise ExportRefusedError(
            f"{file_name}: tensor {name[:200]!r} does not have the bytes that its shape needs"
        )
    return TensorRecord(name, dtype, tuple(shape), data_start + start, data_start + end)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(item) is int and 0 <= item < 1 << 48 for item in value
    )


def _check_layout(
    records: list[TensorRecord], data_start: int, file_bytes: int, file_name: str
) -> None:
    position = data_start
    for record in sorted(records, key=lambda record: (record.start, record.end)):
        if record.start != position:
            what = "overlaps another" if record.start < position else "leaves a hole before it"
            raise ExportRefusedError(f"{file_name}: tensor {record.name[:200]!r} {what}")
        position = record.end
    if position > file_bytes:
        raise ExportRefusedError(
            f"{file_name} is truncated: its tensors need {position} bytes, it has {file_bytes}"
        )
    if position < file_bytes:
        raise ExportRefusedError(f"{file_name} has bytes that belong to no tensor")
