"""Both forms of a tensor hold the same elements, and nothing that comes in does harm."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from service.tensors.codec import from_binary, from_json, to_binary, to_json
from service.tensors.tensor import Datatype, Tensor, TensorError

BYTES, INT64, FP32 = Datatype.BYTES, Datatype.INT64, Datatype.FP32
INT64S = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def tables(elements):
    """Lists of rows, of one length."""
    sizes = st.tuples(st.integers(1, 5), st.integers(1, 5))
    return sizes.flatmap(
        lambda size: st.lists(
            st.lists(elements, min_size=size[1], max_size=size[1]),
            min_size=size[0],
            max_size=size[0],
        )
    )


TENSORS = st.one_of(
    tables(st.text()).map(lambda rows: Tensor.of_texts("x", rows)),
    tables(INT64S).map(lambda rows: Tensor.of_integers("x", rows)),
    tables(FLOATS).map(lambda rows: Tensor.of_floats("x", rows)),
)


def elements_of(tensor):
    return list(tensor.elements)


@given(TENSORS)
def test_bytes_hold_what_the_tensor_holds(tensor):
    again = from_binary("x", tensor.datatype, tensor.shape, to_binary(tensor))
    assert (again.shape, again.datatype) == (tensor.shape, tensor.datatype)
    assert elements_of(again) == elements_of(tensor)


@given(TENSORS)
def test_json_holds_what_the_tensor_holds(tensor):
    document = json.loads(json.dumps(to_json(tensor)))
    if tensor.datatype is FP32:  # of outputs only
        assert np.array(document, np.float32).tolist() == tensor.elements.tolist()
    else:
        again = from_json("x", tensor.datatype, tensor.shape, document)
        assert elements_of(again) == elements_of(tensor)


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_texts_are_the_bytes_that_tritons_client_writes_and_reads(texts):
    theirs = serialize_byte_tensor(np.array(texts, dtype=object)).item()
    ours = Tensor.of_texts("x", [texts])
    assert to_binary(ours) == theirs
    assert [text.decode() for text in deserialize_bytes_tensor(to_binary(ours))] == texts


@given(tables(INT64S))
def test_nested_arrays_are_read_as_flat_ones_are(rows):
    shape = [len(rows), len(rows[0])]
    nested = from_json("x", INT64, shape, rows)
    assert nested.array.tolist() == rows
    flat = from_json("x", INT64, shape, [value for row in rows for value in row])
    assert elements_of(flat) == elements_of(nested)


@given(
    st.sampled_from(Datatype),
    st.lists(st.integers(1, 4) | st.integers(1, 2**63 - 1), min_size=1, max_size=4),
    st.binary(max_size=200),
)
def test_any_bytes_are_a_tensor_of_that_shape_or_refused(datatype, shape, raw):
    try:
        tensor = from_binary("x", datatype, shape, raw)
    except TensorError:
        return
    assert len(tensor.elements) == np.prod(shape, dtype=object)
    assert len(to_binary(tensor)) == len(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.sampled_from([BYTES, INT64]),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    JSON | st.lists(INT64S | st.text(), max_size=9),
)
def test_any_json_is_a_tensor_of_that_shape_or_refused(datatype, shape, data):
    try:
        tensor = from_json("x", datatype, shape, data)
    except TensorError:
        return
    assert len(tensor.elements) == np.prod(shape)
    assert {type(element) for element in elements_of(tensor)} <= {str, np.int64}


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "message", "element"),
    [
        (BYTES, [1, 1], b"", "The bytes end within element 0 of 1", 0),
        (BYTES, [2], b"\1\0\0\0a\xff\xff\xff\xff", "The bytes end within element 1 of 2", 1),
        (BYTES, [2**62], b"\0\0\0\0", "The bytes end within element 1 of 4611686018427387904", 1),
        (BYTES, [1], b"\1\0\0\0\xff", "The text is not UTF-8.", 0),
        (BYTES, [1], b"\1\0\0\0abc", "2 bytes are left after the 1 elements.", None),
        (INT64, [1, 2], b"1234567", "There are 7 bytes and 2 elements of INT64 take 16.", None),
        (INT64, [2**62, 2], b"", f"{2**63} elements of INT64 take {2**66}.", None),
    ],
)
def test_wrong_bytes_are_named_and_take_no_memory(datatype, shape, raw, message, element):
    tracemalloc.start()
    try:
        with pytest.raises(TensorError) as refused:
            from_binary("x", datatype, shape, raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message in refused.value.message
    assert refused.value.element == element
    assert peak < 100_000


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "message", "element"),
    [
        (BYTES, [1], "a", "The data must be an array.", None),
        (BYTES, [1], {"0": "a"}, "The data must be an array.", None),
        (BYTES, [2], ["a"], "The data has 1 elements and the shape [2] has 2.", None),
        (BYTES, [2], ["a", 1], "The element must be a string.", 1),
        (BYTES, [2], ["a", None], "The element must be a string.", 1),
        (BYTES, [1, 1], [[["a"]]], "The element must be a string.", 0),
        (INT64, [2], [1, True], "The element must be an integer.", 1),
        (INT64, [2], [1.5, 1], "The element must be an integer.", 0),
        (INT64, [2], [1, "1"], "The element must be an integer.", 1),
        (INT64, [1], [2**63], "An element is beyond the range of INT64.", None),
        (INT64, [1], [1e300], "An element is beyond the range of INT64.", None),
        (INT64, [2, 2], [[1, 2], [3]], "The nested arrays are not of the shape [2, 2].", None),
        (INT64, [2, 2], [[1, 2], 3, 4], "The nested arrays are not of the shape [2, 2].", None),
        (INT64, [2], [[1], [2]], "The element must be an integer.", 0),
    ],
)
def test_wrong_json_is_named(datatype, shape, data, message, element):
    with pytest.raises(TensorError) as refused:
        from_json("x", datatype, shape, data)
    assert refused.value.message == message
    assert refused.value.element == element


class UnreadList(list):
    def __iter__(self):
        raise AssertionError("its elements were looked at")


def test_more_elements_than_there_can_be_are_not_looked_at():
    with pytest.raises(TensorError, match="3 elements and the shape \\[1, 2\\] has 2"):
        from_json("x", INT64, [1, 2], UnreadList([[], [], []]))


def test_an_integer_may_be_written_as_json_writes_numbers():
    assert from_json("x", INT64, [2], [2.0, -1]).elements.tolist() == [2, -1]
