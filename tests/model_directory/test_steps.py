"""What is put behind a graph's file so that it can be run a few layers at a time."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from bench.checkpoints import TINY, Shape, write_checkpoint
from export.checkpoint import read_checkpoint
from export.graph import CLASSIFICATION_OUTPUTS, INPUTS, SPAN_OUTPUTS, build_graph
from export.parity import open_session
from model_directory.errors import ModelDirectoryError
from model_directory.steps import CARRIED, ENDS, LAYERS, LEFT, Steps, Value, declarations
from model_directory.wire_format import message_field, read_fields, varint_field

SHAPES = (TINY, Shape(num_hidden_layers=1), Shape(inner_group_num=2))
HEADS: tuple[tuple[str, ...] | None, ...] = (("a",), ("a", "b", "c"), None)
LARGEST_FIELD = (1 << 29) - 1  # protobuf's


def graph_of(directory: Path, shape: Shape, labels: tuple[str, ...] | None) -> bytes:
    checkpoint = read_checkpoint(write_checkpoint(directory, shape=shape, labels=labels))
    return build_graph(checkpoint.config, checkpoint.weights)


def declared(graph: bytes, shape: Shape, labels: tuple[str, ...] | None) -> bytes:
    return graph + declarations(Steps(shape.num_hidden_layers, labels is not None))


def inputs_of(labels: tuple[str, ...] | None) -> list[Value]:
    return [CARRIED, LAYERS] if labels is None else [CARRIED, LAYERS, ENDS]


def outputs_of(labels: tuple[str, ...] | None) -> list[str]:
    return list(SPAN_OUTPUTS if labels is None else CLASSIFICATION_OUTPUTS)


def value_of(described: onnx.ValueInfoProto) -> Value:
    tensor = described.type.tensor_type
    assert tensor.HasField("shape")  # of rank 0, rather than of any
    dimensions = tuple(dimension.dim_param for dimension in tensor.shape.dim)
    return Value(described.name, tensor.elem_type, dimensions)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_declared_is_part_of_a_valid_model(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    graph = graph_of(tmp_path, shape, labels)
    model = onnx.load_from_string(declared(graph, shape, labels))
    onnx.checker.check_model(model, full_check=True)
    assert [given.name for given in model.graph.input[:3]] == list(INPUTS)
    assert [value_of(given) for given in model.graph.input[3:]] == inputs_of(labels)
    assert value_of(model.graph.output[-1]) == LEFT


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_all_that_the_file_holds_stays_as_it_is(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    graph = graph_of(tmp_path, shape, labels)
    before, after = (
        onnx.load_from_string(content) for content in (graph, declared(graph, shape, labels))
    )
    assert list(before.graph.initializer)
    del after.graph.input[len(before.graph.input) :]
    del after.graph.output[len(before.graph.output) :]
    assert after == before


@pytest.mark.parametrize("labels", HEADS)
def test_each_input_that_is_declared_has_a_default_of_its_type_and_rank(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    model = onnx.load_from_string(graph_of(tmp_path, TINY, labels))
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    for value in inputs_of(labels):
        default = held[value.name]
        assert (default.data_type, len(default.dims)) == (value.data_type, len(value.dimensions))


def test_the_types_are_those_of_onnx() -> None:
    types = [value.data_type for value in (CARRIED, LAYERS, ENDS, LEFT)]
    assert types == [TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT]


@pytest.mark.parametrize("labels", HEADS)
def test_onnxruntime_takes_what_is_declared_as_constants_that_may_be_given(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    session = open_session(declared(graph_of(tmp_path, TINY, labels), TINY, labels))
    assert [given.name for given in session.get_inputs()] == list(INPUTS)
    optional = {given.name: given for given in session.get_overridable_initializers()}
    assert optional.keys() == {value.name for value in inputs_of(labels)}
    for value in inputs_of(labels):
        assert len(optional[value.name].shape) == len(value.dimensions)
    assert [taken.name for taken in session.get_outputs()] == [*outputs_of(labels), LEFT.name]


@pytest.mark.parametrize("labels", HEADS)
def test_without_declarations_the_file_is_like_any_other(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    session = open_session(graph_of(tmp_path, TINY, labels))
    assert [given.name for given in session.get_inputs()] == list(INPUTS)
    assert session.get_overridable_initializers() == []
    assert [taken.name for taken in session.get_outputs()] == outputs_of(labels)
    feeds = dict.fromkeys(INPUTS, np.ones((1, 3), np.int64))
    with pytest.raises(Exception, match=f"Invalid input name: {LAYERS.name}"):
        session.run(None, feeds | {LAYERS.name: np.array(1)})


@given(st.integers(1, LARGEST_FIELD), st.integers(0, 2**40))
def test_a_number_is_read_as_it_was_written(number: int, value: int) -> None:
    written = varint_field(number, value)
    (field,) = read_fields(memoryview(written), 0, len(written))
    assert (field.number, field.is_message, field.varint) == (number, False, value)
    assert field.end == len(written)


@given(st.integers(1, LARGEST_FIELD), st.binary(max_size=300))
def test_a_message_is_read_as_it_was_written(number: int, content: bytes) -> None:
    written = message_field(number, content)
    (field,) = read_fields(memoryview(written), 0, len(written))
    assert (field.number, field.is_message) == (number, True)
    assert written[field.start : field.end] == content


@given(
    st.lists(
        st.tuples(st.integers(1, LARGEST_FIELD), st.integers(0, 2**40) | st.binary(max_size=300))
    )
)
def test_fields_are_read_in_the_order_they_were_written_in(
    fields: list[tuple[int, int | bytes]],
) -> None:
    written = b"".join(
        message_field(number, value) if isinstance(value, bytes) else varint_field(number, value)
        for number, value in fields
    )
    read = [
        (field.number, written[field.start : field.end] if field.is_message else field.varint)
        for field in read_fields(memoryview(written), 0, len(written))
    ]
    assert read == fields


@given(st.integers(1, LARGEST_FIELD), st.binary(min_size=1, max_size=300))
def test_a_message_that_was_cut_off_is_refused(number: int, content: bytes) -> None:
    written = message_field(number, content)[:-1]
    with pytest.raises(ModelDirectoryError):
        list(read_fields(memoryview(written), 0, len(written)))
