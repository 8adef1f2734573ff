from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bench.checkpoints import TINY, Shape, write_checkpoint, write_tensors
from bench.checkpoints import random_tensors as random_checkpoint
from export.checkpoint import Checkpoint, read_checkpoint
from export.graph import AlbertWriter, build_graph, serialise
from export.parity import ParitySequence, open_session, run_batch
from export.reference import Reference
from export.token_layout import Packed, Rectangle
from export.written_out import WrittenOutWriter
from model_directory.external_data import refuse_external_data
from model_directory.graph_names import INPUTS

SHAPES = (
    TINY,
    Shape(hidden_act="gelu"),
    Shape(hidden_act="relu"),
    Shape(hidden_act="silu"),
    Shape(hidden_act="tanh"),
    Shape(num_hidden_layers=1),
    Shape(embedding_size=32),
    Shape(num_attention_heads=1),
    Shape(num_hidden_layers=7, num_hidden_groups=3),
    Shape(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2),
    Shape(layer_norm_eps=1e-3, type_vocab_size=3),
)
HEADS: tuple[tuple[str, ...] | None, ...] = (("a",), ("a", "b", "c"), None)


def row(length: int, seed: int = 0) -> ParitySequence:
    random = np.random.default_rng([length, seed])
    ids = random.integers(0, TINY.vocab_size, length).tolist()
    return ParitySequence(tuple(ids), tuple([0] * (length // 2) + [1] * (length - length // 2)))


def checkpoint_of(directory: Path, shape: Shape, labels: tuple[str, ...] | None) -> Checkpoint:
    return read_checkpoint(write_checkpoint(directory, shape=shape, labels=labels))


def run(graph: bytes, rows: list[ParitySequence]) -> list[NDArray[np.float32]]:
    return run_batch(open_session(graph), rows, pad_id=0)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_those_of_the_reference(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, shape, labels)
    reference = Reference(checkpoint.config, checkpoint.weights)
    rows = [row(1), row(2), row(19), row(64)]
    outputs = run(build_graph(checkpoint.config, checkpoint.weights), rows)
    for output, sequence in zip(outputs, rows, strict=True):
        expected = reference.logits(sequence.ids, sequence.token_types)
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("labels", HEADS)
def test_a_row_does_not_depend_on_what_shares_its_batch(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, labels)
    session = open_session(build_graph(checkpoint.config, checkpoint.weights))
    rows = [row(length, seed) for seed in range(4) for length in (2, 5, 17, 40, 64)]
    together = run_batch(session, rows, pad_id=0)
    for sequence, output in zip(rows, together, strict=True):
        (alone,) = run_batch(session, [sequence], pad_id=0)
        np.testing.assert_allclose(output, alone, atol=1e-5)


@pytest.mark.parametrize("labels", HEADS)
def test_what_is_at_padded_positions_changes_no_bit(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, labels)
    session = open_session(build_graph(checkpoint.config, checkpoint.weights))
    rows = [row(30), row(7)]
    zeros = run_batch(session, rows, pad_id=0)
    others = run_batch(session, rows, pad_id=99)
    for one, other in zip(zeros, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES[-4:])
def test_packed_or_padded_the_logits_are_the_same_under_any_mask(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, shape, labels)
    packed, padded = (
        open_session(
            serialise(AlbertWriter(checkpoint.config, checkpoint.weights, layout=layout).write())
        )
        for layout in (Packed, Rectangle)
    )
    random = np.random.default_rng(0)
    for rows, longest in ((1, 1), (1, 2), (3, 1), (5, 2), (2, 7), (6, 40)):
        mask = random.integers(0, 2, (rows, longest))  # holes, and padding on the left
        mask[:, random.integers(longest)] = 1
        feeds = {
            "input_ids": random.integers(0, shape.vocab_size, mask.shape),
            "attention_mask": mask,
            "token_type_ids": random.integers(0, 2, mask.shape),
        }
        for one, other in zip(packed.run(None, feeds), padded.run(None, feeds), strict=True):
            assert one.shape == other.shape
            if labels is None:
                one, other = one[mask == 1], other[mask == 1]
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_padding_reaches_no_product(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, None)
    kinds = ("input of key", "input of dense", "input of ffn", "input of ffn_output", "output")
    writer = WrittenOutWriter(checkpoint.config, checkpoint.weights)
    graph, keys = writer.write_observed(kinds)
    mask = np.array([[1] * 9, [1] * 3 + [0] * 6, [1] * 5 + [0] * 4])
    feeds = {"input_ids": mask, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    observed = open_session(serialise(graph)).run(None, feeds)[-len(keys) :]
    assert {value.shape[0] for value in observed} == {9 + 3 + 5}


def test_a_row_of_nothing_but_padding_is_finite_and_leaves_the_others_alone(
    tmp_path: Path,
) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, ("a", "b"))
    session = open_session(build_graph(checkpoint.config, checkpoint.weights))
    ids = np.array([row(9).ids, row(9, 1).ids], np.int64)
    mask = np.array([[1] * 9, [0] * 9], np.int64)
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (logits,) = session.run(None, feeds)
    assert np.isfinite(logits).all()
    alone = {name: value[:1] for name, value in feeds.items()}
    np.testing.assert_allclose(logits[:1], session.run(None, alone)[0], atol=1e-5)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_file_is_valid_and_holds_no_float_twice(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, shape, labels)
    content = build_graph(checkpoint.config, checkpoint.weights)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    refuse_external_data(content)
    floats = [held for held in model.graph.initializer if held.data_type == onnx.TensorProto.FLOAT]
    assert max(Counter(held.raw_data for held in floats).values()) == 1
    weights = sum(int(np.prod(held.dims)) for held in floats)
    assert weights == checkpoint.weights.parameters + 2  # 0 and the bias of padding
    assert len(content) <= 1.05 * checkpoint.weight_bytes + 2_000
    assert [given.name for given in model.graph.input] == list(INPUTS)


def test_tensors_that_are_tied_are_stored_once(tmp_path: Path) -> None:
    shape = Shape(num_hidden_groups=3)
    tensors = random_checkpoint(shape, 2)
    for name in list(tensors):
        for group in (1, 2):
            tied = name.replace("groups.0.", f"groups.{group}.")
            tensors[tied] = tensors[name]
    apart, together = tmp_path / "apart", tmp_path / "together"
    write_checkpoint(apart, shape=shape)
    write_checkpoint(together, shape=shape)
    write_tensors(together, tensors)
    sizes = []
    for directory in (apart, together):
        checkpoint = read_checkpoint(directory)
        sizes.append(len(build_graph(checkpoint.config, checkpoint.weights)))
    group = sum(tensor.nbytes for name, tensor in tensors.items() if "groups.0." in name)
    assert sizes[0] - sizes[1] >= 2 * group


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    first = checkpoint_of(tmp_path / "a", TINY, ("a", "b"))
    second = checkpoint_of(tmp_path / "b", TINY, ("a", "b"))
    assert build_graph(first.config, first.weights) == build_graph(second.config, second.weights)


def test_more_layers_do_not_make_the_graph_longer(tmp_path: Path) -> None:
    sizes = set()
    for layers in (10, 11, 99):
        checkpoint = checkpoint_of(tmp_path / str(layers), Shape(num_hidden_layers=layers), None)
        sizes.add(len(build_graph(checkpoint.config, checkpoint.weights)))
    assert len(sizes) == 1


def test_a_sequence_longer_than_the_positions_fails_rather_than_wraps(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, TINY, ("a", "b"))
    graph = build_graph(checkpoint.config, checkpoint.weights)
    with pytest.raises(Exception, match="indices element out of data bounds"):
        run(graph, [row(65)])
