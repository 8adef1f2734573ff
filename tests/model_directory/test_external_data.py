from collections.abc import Callable
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from model_directory.errors import ModelDirectoryError
from model_directory.external_data import refuse_external_data

MALFORMED = "not a well-formed ONNX file"


def tensor(*, external: bool) -> onnx.TensorProto:
    made = numpy_helper.from_array(np.ones(3, np.float32), "weight")
    if external:
        made.ClearField("raw_data")
        made.data_location = onnx.TensorProto.EXTERNAL
        made.external_data.add(key="location", value="../../etc/passwd")
    return made


def model_of(graph: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(graph)


def as_initializer(held: onnx.TensorProto) -> onnx.ModelProto:
    return model_of(helper.make_graph([], "g", [], [], [held]))


def as_attribute(held: onnx.TensorProto) -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["c"], value=held)
    return model_of(helper.make_graph([node], "g", [], []))


def in_tensor_list(held: onnx.TensorProto) -> onnx.ModelProto:
    node = helper.make_node("Made", [], ["c"], values=[held])
    return model_of(helper.make_graph([node], "g", [], []))


def in_subgraph(held: onnx.TensorProto) -> onnx.ModelProto:
    inner = helper.make_graph([], "inner", [], [], [held])
    node = helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=inner)
    return model_of(helper.make_graph([node], "g", [], []))


def in_graph_list(held: onnx.TensorProto) -> onnx.ModelProto:
    inner = helper.make_graph([], "inner", [], [], [held])
    node = helper.make_node("Made", [], ["c"], bodies=[inner])
    return model_of(helper.make_graph([node], "g", [], []))


def as_sparse_values(held: onnx.TensorProto) -> onnx.ModelProto:
    model = model_of(helper.make_graph([], "g", [], []))
    model.graph.sparse_initializer.add().values.CopyFrom(held)
    return model


def as_sparse_attribute(held: onnx.TensorProto) -> onnx.ModelProto:
    model = model_of(helper.make_graph([], "g", [], []))
    attribute = model.graph.node.add().attribute.add(name="value")
    attribute.sparse_tensor.indices.CopyFrom(held)
    return model


def in_function(held: onnx.TensorProto) -> onnx.ModelProto:
    model = model_of(helper.make_graph([], "g", [], []))
    model.functions.add().node.add().attribute.add(name="value").t.CopyFrom(held)
    return model


def in_function_default(held: onnx.TensorProto) -> onnx.ModelProto:
    model = model_of(helper.make_graph([], "g", [], []))
    model.functions.add().attribute_proto.add(name="value").t.CopyFrom(held)
    return model


def in_training(held: onnx.TensorProto) -> onnx.ModelProto:
    model = model_of(helper.make_graph([], "g", [], []))
    model.training_info.add().algorithm.initializer.add().CopyFrom(held)
    return model


PLACES = [
    as_initializer,
    as_attribute,
    in_tensor_list,
    in_subgraph,
    in_graph_list,
    as_sparse_values,
    as_sparse_attribute,
    in_function,
    in_function_default,
    in_training,
]


@pytest.mark.parametrize("place", PLACES)
def test_an_external_tensor_is_found_wherever_it_is(
    place: Callable[[onnx.TensorProto], onnx.ModelProto],
) -> None:
    refuse_external_data(place(tensor(external=False)).SerializeToString())
    with pytest.raises(ModelDirectoryError, match="outside its file"):
        refuse_external_data(place(tensor(external=True)).SerializeToString())


def test_a_location_without_entries_is_external_too() -> None:
    held = tensor(external=True)
    del held.external_data[:]
    with pytest.raises(ModelDirectoryError, match="outside its file"):
        refuse_external_data(as_initializer(held).SerializeToString())


def test_entries_without_a_location_are_external_too() -> None:
    held = tensor(external=True)
    held.ClearField("data_location")
    with pytest.raises(ModelDirectoryError, match="outside its file"):
        refuse_external_data(as_initializer(held).SerializeToString())


def test_a_cut_off_graph_is_refused_wherever_it_is_cut() -> None:
    graph = in_subgraph(tensor(external=False)).graph
    graph_only = onnx.ModelProto(graph=graph).SerializeToString()
    for end in range(1, len(graph_only)):
        with pytest.raises(ModelDirectoryError, match=MALFORMED):
            refuse_external_data(graph_only[:end])


@pytest.mark.parametrize(
    "content",
    [b"\x08", b"\x08" + b"\xff" * 11, b"\x0b", b"\x09\0", b"\x0d\0", b"\x3a\x05\0"],
    ids=["no value", "endless number", "group", "short fixed64", "short fixed32", "short length"],
)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ModelDirectoryError, match=MALFORMED):
        refuse_external_data(content)


def test_a_field_that_only_onnxruntime_would_see_is_refused() -> None:
    held = tensor(external=True).SerializeToString()
    entry = held.index(b"\x6a")  # external_data, field 13
    hidden = held[:entry] + _length(1 << 32 | 13 << 3 | 2) + held[entry + 1 :]
    hidden = hidden[: hidden.rindex(b"\x70")]  # data_location, field 14
    for field in (5, 7):  # of a graph, of a model
        hidden = bytes([field << 3 | 2]) + _length(len(hidden)) + hidden
    with pytest.raises(ModelDirectoryError, match=MALFORMED):
        refuse_external_data(hidden)


@pytest.mark.parametrize("content", [b"\0\0", b"\2\0"], ids=["number", "message"])
def test_the_field_number_0_is_refused(content: bytes) -> None:
    with pytest.raises(ModelDirectoryError, match=MALFORMED):
        refuse_external_data(content)


def test_fixed_width_fields_are_passed_over() -> None:
    refuse_external_data(b"\x09" + b"\0" * 8 + b"\x0d" + b"\0" * 4)


def test_deep_nesting_is_refused() -> None:
    nested = b""
    for _ in range(60):  # attribute 6 -> graph, graph 1 -> node, node 5 -> attribute
        for field in (6, 5, 1):
            nested = bytes([field << 3 | 2]) + _length(len(nested)) + nested
    with pytest.raises(ModelDirectoryError, match="nested too deeply"):
        refuse_external_data(b"\x3a" + _length(len(nested)) + nested)


def test_a_flood_of_fields_is_refused() -> None:
    with pytest.raises(ModelDirectoryError, match="too many parts"):
        refuse_external_data(b"\x08\x01" * 200_001)


@given(st.binary(max_size=400))
def test_any_bytes_pass_or_are_refused(content: bytes) -> None:
    with suppress(ModelDirectoryError):
        refuse_external_data(content)


def _length(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])
