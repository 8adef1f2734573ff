"""Graphs that are run a few layers at a time, by onnxruntime alone."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from bench.checkpoints import TINY, Shape, write_checkpoint
from export.exporter import ExportReport, ExportRequest, export_checkpoint
from export.graph import INPUTS, AlbertWriter, build_graph, serialise
from export.graph_builder import Constants
from export.parity import open_session
from export.token_layout import Rectangle
from model_directory.integrity import open_version
from model_directory.manifest import Precision
from model_directory.steps import CARRIED, ENDS, LAYERS, LEFT, Steps, declarations
from tests.export.conftest import silent
from tests.export.test_graph import HEADS, checkpoint_of

AS_MANY_HEADS_AS_LAYERS = Shape(num_hidden_layers=12, num_attention_heads=12, hidden_size=48)
SHAPES = (
    Shape(num_hidden_layers=5),
    Shape(inner_group_num=2),
    Shape(num_hidden_layers=1),
    AS_MANY_HEADS_AS_LAYERS,
)
GIVEN = {CARRIED.name, LAYERS.name, ENDS.name}
NO_IDS = np.zeros((1, 0), np.int64)

Feeds = dict[str, NDArray[Any]]


def graph_of(directory: Path, shape: Shape, labels: tuple[str, ...] | None) -> bytes:
    checkpoint = checkpoint_of(directory, shape, labels)
    return build_graph(checkpoint.config, checkpoint.weights)


def open_steps(
    graph: bytes, shape: Shape, labels: tuple[str, ...] | None
) -> onnxruntime.InferenceSession:
    return open_session(graph + declarations(Steps(shape.num_hidden_layers, labels is not None)))


def masks() -> list[NDArray[np.int64]]:
    """Padded on the right, of a single token, and with holes."""
    lengths = np.array([19, 1, 64, 2, 7])[:, None]
    random = np.random.default_rng(0)
    holes = random.integers(0, 2, (4, 20))
    holes[:, 11] = 1
    return [
        (np.arange(64) < lengths).astype(np.int64),
        np.ones((1, 1), np.int64),
        np.array([[1, 0], [1, 1]]),
        holes,
    ]


def feeds_of(mask: NDArray[np.int64]) -> Feeds:
    random = np.random.default_rng(mask.size)
    return {
        "input_ids": random.integers(0, TINY.vocab_size, mask.shape),
        "attention_mask": mask,
        "token_type_ids": random.integers(0, 2, mask.shape),
    }


def whole(session: onnxruntime.InferenceSession, feeds: Feeds) -> list[NDArray[np.float32]]:
    """What a run of all layers gives, but for what is carried."""
    names = [output.name for output in session.get_outputs() if output.name != LEFT.name]
    return list(session.run(names, feeds))


def in_steps(
    session: onnxruntime.InferenceSession, feeds: Feeds, steps: list[int]
) -> list[NDArray[np.float32]]:
    """The same in runs of so many layers."""
    narrows = ENDS.name in {given.name for given in session.get_overridable_initializers()}
    given, first = dict(feeds), True
    for layers in steps[:-1]:
        given[LAYERS.name] = np.array(layers)
        if narrows:
            given[ENDS.name] = np.array([False])
        (left,) = session.run([LEFT.name], given)
        given[CARRIED.name] = left
        if first:
            given |= {"input_ids": NO_IDS, "token_type_ids": NO_IDS}
            first = False
    given[LAYERS.name] = np.array(steps[-1])
    given.pop(ENDS.name, None)
    return whole(session, given)


def ways(layers: int) -> list[list[int]]:
    """To divide so many layers."""
    return [
        [0, layers],
        [1] * layers,
        [0] + [1] * layers,
        [layers // 2, 0, layers - layers // 2],
        [layers - 1, 1],
    ]


def names_of(graph: bytes) -> set[str]:
    """Of all constants and values."""
    held = onnx.load_from_string(graph).graph
    return {tensor.name for tensor in held.initializer} | {
        name for node in held.node for name in node.output
    }


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_in_whatever_steps_the_logits_are_those_of_a_whole_run_to_the_bit(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    graph = graph_of(tmp_path, shape, labels)
    session, plain = open_steps(graph, shape, labels), open_session(graph)
    for mask in masks():
        feeds = feeds_of(mask)
        expected = plain.run(None, feeds)
        for steps in ways(shape.num_hidden_layers):
            for one, other in zip(in_steps(session, feeds, steps), expected, strict=True):
                assert one.shape == other.shape
                if labels is None:
                    one, other = one[mask == 1], other[mask == 1]
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_declared_changes_no_whole_run(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    graph = graph_of(tmp_path, shape, labels)
    session, plain = open_steps(graph, shape, labels), open_session(graph)
    for mask in masks():
        feeds = feeds_of(mask)
        for one, other in zip(whole(session, feeds), plain.run(None, feeds), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("labels", HEADS)
def test_fewer_layers_give_other_logits(labels: tuple[str, ...] | None, tmp_path: Path) -> None:
    shape = SHAPES[0]
    session = open_steps(graph_of(tmp_path, shape, labels), shape, labels)
    feeds = feeds_of(np.ones((2, 9), np.int64))
    given = [
        whole(session, feeds | {LAYERS.name: np.array(layers)})[0].tobytes()
        for layers in range(1, shape.num_hidden_layers + 1)
    ]
    assert len(set(given)) == shape.num_hidden_layers
    assert given[-1] == whole(session, feeds)[0].tobytes()


@pytest.mark.parametrize("labels", HEADS)
def test_what_is_left_is_every_token_or_two_of_each_row_that_ends(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    session = open_steps(graph_of(tmp_path, TINY, labels), TINY, labels)
    feeds = feeds_of((np.arange(9) < np.array([9, 1, 2, 5])[:, None]).astype(np.int64))
    if labels is None:
        (left,) = session.run([LEFT.name], feeds)
        assert left.shape == (9 + 2 + 2 + 5, TINY.hidden_size)
        return
    for ends, tokens in (
        ([False], 9 + 2 + 2 + 5),
        ([True], 2 * 4),
        ([False, True, True, True], 9 + 2 * 3),
        ([True, False, False, False], 2 + 2 + 2 + 5),
    ):
        (left,) = session.run([LEFT.name], feeds | {ENDS.name: np.array(ends)})
        assert left.shape == (tokens, TINY.hidden_size)


@pytest.mark.parametrize("ends", [[False] * 4, [True] * 4, [False, True, True, False]])
def test_a_row_that_ends_beside_others_changes_no_bit(ends: list[bool], tmp_path: Path) -> None:
    """Its first two tokens, and with them the logits, and all tokens of those that do not end."""
    labels, lengths = ("a", "b", "c"), np.array([9, 64, 1, 5])
    session = open_steps(graph_of(tmp_path, TINY, labels), TINY, labels)
    feeds = feeds_of((np.arange(64) < lengths[:, None]).astype(np.int64))
    logits, left = session.run(["logits", LEFT.name], feeds | {ENDS.name: np.array(ends)})
    (expected,) = whole(session, feeds)
    np.testing.assert_array_equal(logits[ends], expected[ends])
    (all_left,) = session.run([LEFT.name], feeds | {ENDS.name: np.array([False])})
    counts = np.maximum(lengths, 2)
    tokens = [(place, row) for place in range(64) for row in range(4) if place < counts[row]]
    kept = [place < 2 or not ends[row] for place, row in tokens]
    np.testing.assert_array_equal(left, all_left[kept])


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_may_be_given_is_held_under_names_of_its_own(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    held = onnx.load_from_string(graph_of(tmp_path, shape, labels)).graph.initializer
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in held}
    assert len(constants) == len(held)
    assert constants[LAYERS.name] == shape.num_hidden_layers
    assert constants[CARRIED.name].shape == (0, shape.hidden_size)
    assert (ENDS.name in constants) == (labels is not None)
    if labels is not None:
        np.testing.assert_array_equal(constants[ENDS.name], [True])


@pytest.mark.parametrize("labels", HEADS)
def test_as_many_heads_as_layers_are_two_constants(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    graph = onnx.load_from_string(graph_of(tmp_path, AS_MANY_HEADS_AS_LAYERS, labels)).graph
    equal = {
        tensor.name
        for tensor in graph.initializer
        if numpy_helper.to_array(tensor).shape == () and numpy_helper.to_array(tensor) == 12
    }
    assert len(equal) == 2
    assert LAYERS.name in equal
    uses = [node.op_type for node in graph.node if LAYERS.name in node.input]
    assert uses == (["Loop"] if labels is None else ["Sub", "Loop"])


def test_a_constant_of_its_own_shares_nothing_whichever_comes_first() -> None:
    constants, twelve = Constants(), np.array(12)
    assert constants.name_of("int 12", twelve) == "int 12"
    assert constants.own("layers", twelve) == "layers"
    assert constants.name_of("twelve", twelve) == "int 12"
    early = Constants()
    assert early.own("layers", twelve) == "layers"
    assert early.name_of("int 12", twelve) == "int 12"
    assert early.name_of("layers", np.array(13)) != "layers"
    names = [tensor.name for tensor in early.tensors]
    assert len(set(names)) == len(names) == 3


def test_two_constants_of_one_name_of_their_own_are_refused() -> None:
    constants = Constants()
    constants.own("layers", np.array(3))
    with pytest.raises(ValueError, match="two constants are called 'layers'"):
        constants.own("layers", np.array(3))


@pytest.mark.parametrize("labels", HEADS)
def test_layers_of_several_groups_are_run_whole(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    shape = Shape(num_hidden_layers=4, num_hidden_groups=2)
    graph = graph_of(tmp_path, shape, labels)
    assert not names_of(graph) & {*GIVEN, LEFT.name}
    assert [given.name for given in open_session(graph).get_inputs()] == list(INPUTS)


def test_a_rectangle_is_run_whole(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, ("a", "b"))
    writer = AlbertWriter(checkpoint.config, checkpoint.weights, layout=Rectangle)
    assert not names_of(serialise(writer.write())) & {*GIVEN, LEFT.name}


def export(
    directory: Path, shape: Shape, labels: tuple[str, ...] | None, precision: Precision
) -> ExportReport:
    checkpoint = write_checkpoint(directory / "c", shape=shape, labels=labels)
    request = ExportRequest(checkpoint, "m", directory / "models", precision=precision)
    return export_checkpoint(request, silent)


@pytest.mark.parametrize("labels", HEADS)
def test_an_export_says_that_it_can_be_run_in_steps(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    version = open_version(export(tmp_path, SHAPES[0], labels, Precision.FP32).directory)
    assert version.manifest.stepwise
    assert version.manifest.steps == Steps(5, classifies=labels is not None)
    assert {LAYERS.name, CARRIED.name, LEFT.name} <= names_of(version.model)


@pytest.mark.parametrize(
    ("shape", "precision"),
    [
        (Shape(num_hidden_layers=4, num_hidden_groups=2), Precision.FP32),
        (Shape(hidden_size=64, intermediate_size=256), Precision.INT8),
        (TINY, Precision.FP16),
    ],
)
def test_an_export_that_cannot_says_so(shape: Shape, precision: Precision, tmp_path: Path) -> None:
    version = open_version(export(tmp_path, shape, ("a", "b"), precision).directory)
    assert version.manifest.precision is precision
    assert not version.manifest.stepwise
    assert version.manifest.steps is None
    assert not names_of(version.model) & {*GIVEN, LEFT.name}
