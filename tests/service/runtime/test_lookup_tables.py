"""Embedding tables taken out of a graph: the right ones, whole, and the same answers with them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_directory.errors import ModelDirectoryError
from service.runtime.lookup_tables import LEAST_BYTES, lookup_tables

MODELS = Path(__file__).parents[3] / "models"
ROWS = LEAST_BYTES // 4


def graph_of(*initializers, operator="Gather", first="table"):
    node = helper.make_node(operator, [first, "ids"], ["out"])
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 1])],
        list(initializers),
    )
    return helper.make_model(graph).SerializeToString()


def values(dtype=np.float32, rows=ROWS):
    return (np.arange(rows) % 100).astype(dtype).reshape(rows, 1)


@pytest.mark.parametrize("name", ["sentiment", "topics", "intents", "question-answering"])
def test_of_a_real_model_it_is_the_word_embeddings_and_nothing_else(name):
    model = (MODELS / name / "1" / "model.onnx").read_bytes()
    tables = lookup_tables(model)
    (table_name,) = tables
    assert table_name.endswith("word_embeddings.weight")
    expected = {each.name: each for each in onnx.load_from_string(model).graph.initializer}
    np.testing.assert_array_equal(tables[table_name], numpy_helper.to_array(expected[table_name]))


@pytest.mark.parametrize(
    ("dtype", "rows"), [(np.float32, ROWS), (np.uint8, 4 * ROWS), (np.int8, 4 * ROWS)]
)
def test_a_table_keeps_its_type_and_shape(dtype, rows):
    table = values(dtype, rows)
    (taken,) = lookup_tables(graph_of(numpy_helper.from_array(table, "table"))).values()
    assert taken.dtype == dtype
    np.testing.assert_array_equal(taken, table)


@pytest.mark.parametrize(
    "initializer",
    [
        numpy_helper.from_array(values(rows=ROWS - 1), "table"),
        numpy_helper.from_array(values(), "another"),
        numpy_helper.from_array(values(np.float16, 2 * ROWS), "table"),
        helper.make_tensor("table", TensorProto.FLOAT, [ROWS, 1], [1.0] * ROWS),
    ],
    ids=["small", "not gathered from", "float16", "not raw bytes"],
)
def test_what_is_not_worth_it_or_not_known_stays_in_the_graph(initializer):
    assert lookup_tables(graph_of(initializer)) == {}


def test_a_factor_of_a_product_stays_in_the_graph():
    table = numpy_helper.from_array(values(), "table")
    assert lookup_tables(graph_of(table, operator="MatMul")) == {}


def test_a_shape_that_its_bytes_do_not_fill_stays_in_the_graph():
    table = numpy_helper.from_array(values(), "table")
    table.dims[0] += 1
    assert lookup_tables(graph_of(table)) == {}


def test_what_is_no_graph_is_refused():
    with pytest.raises(ModelDirectoryError, match="well-formed"):
        lookup_tables(b"\x3a\xff")
