import io
import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from export.errors import ExportRefusedError
from export.safetensors_file import TensorRecord, read_float_tensor, read_header


@contextmanager
def file_of(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def packed(header: Any, content: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content


def entry(start: int, end: int, shape: list[Any] | None = None, dtype: str = "F32") -> Any:
    shape = [(end - start) // 4] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def header_of(content: bytes) -> dict[str, TensorRecord]:
    with file_of(content) as file:
        return read_header(file, "model.safetensors")


def refusal(content: bytes) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        header_of(content)
    message = str(caught.value)
    assert "model.safetensors" in message
    assert "\n" not in message
    return message


def test_a_header_gives_each_tensor_its_place() -> None:
    content = packed(
        {"__metadata__": {"format": "pt"}, "a": entry(0, 8), "b": entry(8, 12)}, b"0" * 12
    )
    header = header_of(content)
    start = len(content) - 12
    assert header["a"] == TensorRecord("a", "F32", (2,), start, start + 8)
    assert header["b"].start == header["a"].end


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated: it has 0 bytes"),
        (b"1234567", "truncated: it has 7 bytes"),
        (b"\xff" * 8, "header would be 18446744073709551615 bytes"),
        ((1 << 30).to_bytes(8, "little"), "header would be"),
        ((100).to_bytes(8, "little") + b"{}", "truncated: its header"),
        (packed(b"{"), "not valid JSON"),
        (packed(b"\xff\xff"), "not valid JSON"),
        (packed(b"[" * 10**6), "not valid JSON"),
        (packed(b'{"a": 1, "a": 1}'), "not valid JSON"),
        (packed([]), "no object"),
        (packed({"a": 1}), "entry of tensor 'a'"),
        (packed({"a": {"dtype": "F32"}}), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4) | {"x": 1}}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4, ["1"])}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4, [True])}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4, [-1])}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4, [1] * 9)}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(-4, 0)}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 1 << 60, [1])}, b"1234"), "entry of tensor 'a'"),
        (packed({"a": entry(0, 4, dtype="F31")}, b"1234"), "unknown dtype"),
        (packed({"a": entry(0, 4, [2])}, b"1234"), "the bytes that its shape needs"),
        (packed({"a": entry(0, 4, [1 << 47, 1 << 47])}, b"1234"), "the bytes that its shape"),
        (packed({"a": entry(4, 0, [1])}, b"1234"), "the bytes that its shape needs"),
        (packed({"a": entry(0, 8), "b": entry(4, 12)}, b"1" * 12), "'b' overlaps"),
        (packed({"a": entry(0, 4), "b": entry(0, 4)}, b"1" * 4), "'b' overlaps"),
        (packed({"a": entry(0, 4), "b": entry(8, 12)}, b"1" * 12), "'b' leaves a hole"),
        (packed({"a": entry(4, 8)}, b"1" * 8), "'a' leaves a hole"),
        (packed({"a": entry(0, 4)}, b"123"), "truncated: its tensors need"),
        (packed({"a": entry(0, 4)}, b"12345"), "bytes that belong to no tensor"),
    ],
)
def test_a_header_that_does_not_describe_the_file_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_a_file_that_ends_within_its_data_is_refused_wherever_it_ends() -> None:
    whole = save({"a": np.ones((3, 5), np.float32), "b": np.zeros(7, np.float32)})
    header_of(whole)
    for end in range(len(whole)):
        refusal(whole[:end])


@pytest.mark.parametrize(
    ("dtype", "stored", "expected"),
    [
        ("F32", np.array([1.5, -2], "<f4").tobytes(), np.float32),
        ("F16", np.array([1.5, -2], "<f2").tobytes(), np.float32),
        ("F64", np.array([1.5, -2], "<f8").tobytes(), np.float64),
        ("BF16", b"\xc0\x3f\x00\xc0", np.float32),
    ],
)
def test_each_float_dtype_is_read_exactly(dtype: str, stored: bytes, expected: Any) -> None:
    with file_of(stored) as file:
        array = read_float_tensor(file, TensorRecord("a", dtype, (2, 1), 0, len(stored)))
    assert array.dtype == expected
    assert array.tolist() == [[1.5], [-2.0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_a_number_that_is_not_finite_is_refused_by_its_tensor(value: float, dtype: str) -> None:
    stored = np.array([0, value], dtype).tobytes()
    name = {"<f2": "F16", "<f4": "F32", "<f8": "F64"}[dtype]
    with file_of(stored) as file, pytest.raises(ExportRefusedError, match=r"'a\.weight' holds NaN"):
        read_float_tensor(file, TensorRecord("a.weight", name, (2,), 0, len(stored)))


def test_a_float64_beyond_float32_is_refused() -> None:
    stored = np.array([1e39], "<f8").tobytes()
    with file_of(stored) as file, pytest.raises(ExportRefusedError, match="in float32"):
        read_float_tensor(file, TensorRecord("a", "F64", (1,), 0, 8))


@pytest.mark.parametrize("value", [np.finfo(np.float32).max, -np.finfo(np.float32).max])
def test_the_largest_float32_is_finite(value: float) -> None:
    stored = np.array([0, value], "<f8").tobytes()
    with file_of(stored) as file:
        array = read_float_tensor(file, TensorRecord("a", "F64", (2,), 0, 16))
    assert array.tolist() == [0, value]


def test_a_tensor_is_held_once_while_it_is_read() -> None:
    stored = np.ones(1 << 20, "<f4").tobytes()
    with file_of(stored) as file:
        tracemalloc.start()
        read_float_tensor(file, TensorRecord("a", "F32", (1 << 20,), 0, len(stored)))
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 1.1 * len(stored)


def test_a_file_that_shrank_after_its_header_was_read_is_refused() -> None:
    with pytest.raises(ExportRefusedError, match="'a' is cut off"):
        read_float_tensor(io.BytesIO(b"123"), TensorRecord("a", "F32", (1,), 0, 4))


@given(
    st.dictionaries(
        st.text(max_size=20).filter(lambda name: name != "__metadata__"),
        arrays(
            st.sampled_from([np.float32, np.float16, np.float64]),
            array_shapes(min_dims=0, max_dims=3, max_side=4),
            elements=st.integers(-100, 100),
        ),
        max_size=4,
    )
)
def test_what_the_safetensors_library_writes_reads_back(tensors: dict[str, Any]) -> None:
    with file_of(save(tensors)) as file:
        header = read_header(file, "model.safetensors")
        assert header.keys() == tensors.keys()
        for name, record in header.items():
            np.testing.assert_array_equal(read_float_tensor(file, record), tensors[name])


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_a_header_is_accepted_only_where_the_library_accepts_it(
    junk: bytes, position: int, byte: int
) -> None:
    whole = bytearray(save({"a": np.ones((2, 3), np.float32), "b": np.zeros(2, np.float16)}))
    whole[position % len(whole)] = byte
    for content in (bytes(whole), bytes(whole) + junk, junk):
        try:
            header = header_of(content)
        except ExportRefusedError:
            continue
        try:
            library = dict(deserialize(content))  # type: ignore[no-untyped-call]
        except SafetensorError as error:
            pytest.fail(f"accepted what the library refuses: {error}")
        assert {name: list(record.shape) for name, record in header.items()} == {
            name: list(held["shape"]) for name, held in library.items()
        }


def test_a_header_is_read_from_the_disk_not_from_its_claims(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((4 << 20).to_bytes(8, "little") + b"{}")
    with open(path, "rb") as file, pytest.raises(ExportRefusedError, match="truncated"):
        read_header(file, path.name)
