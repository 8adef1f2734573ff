from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from bench.checkpoints import TINY, Shape, random_tensors, write_checkpoint, write_tensors
from export.checkpoint import Checkpoint, read_checkpoint
from export.graph import serialise
from export.parity import ParitySequence, open_session, run_batch
from export.quantisation.calibration import Calibration, calibrate
from export.quantisation.graph import build_int8_graph
from export.quantisation.plan import ROUNDINGS, Plan, Rounding, Site
from export.reference import Reference
from export.written_out import WrittenOutWriter, step_prefixes
from tests.export.conftest import silent

WIDE = Shape(hidden_size=64, intermediate_size=256)
SHAPES = (
    WIDE,
    Shape(hidden_act="gelu", num_hidden_layers=1),
    Shape(hidden_act="relu", embedding_size=32),
    Shape(num_hidden_layers=5, num_hidden_groups=2),
    Shape(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2),
)
HEADS: tuple[tuple[str, ...] | None, ...] = (("a", "b", "c"), None)
EXACT = Plan(tuple((site, Rounding.NONE) for site in Site))


def rows(lengths: tuple[int, ...] = (2, 5, 19, 40, 64)) -> list[ParitySequence]:
    random = np.random.default_rng(3)
    return [
        ParitySequence(
            tuple(random.integers(0, TINY.vocab_size, length).tolist()),
            (0,) * (length // 2) + (1,) * (length - length // 2),
        )
        for length in lengths
    ]


def calibrated(
    directory: Path, shape: Shape, labels: tuple[str, ...] | None
) -> tuple[Checkpoint, Calibration]:
    checkpoint = read_checkpoint(write_checkpoint(directory, shape=shape, labels=labels))
    return checkpoint, calibrate(checkpoint.config, checkpoint.weights, rows(), silent)


def graph(checkpoint: Checkpoint, calibration: Calibration, plan: Plan) -> bytes:
    return build_int8_graph(checkpoint.config, checkpoint.weights, plan, calibration)


def relative_error(checkpoint: Checkpoint, model: bytes) -> float:
    """The error of all logits together, beside the float64 reference."""
    reference = Reference(checkpoint.config, checkpoint.weights)
    expected = [reference.logits(row.ids, row.token_types) for row in rows()]
    given = run_batch(open_session(model), rows(), pad_id=0)
    error = sum(np.square(one - other).sum() for one, other in zip(expected, given, strict=True))
    return float(np.sqrt(error / sum(np.square(one).sum() for one in expected)))


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_without_rounding_it_is_the_reference(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint, calibration = calibrated(tmp_path, shape, labels)
    assert relative_error(checkpoint, graph(checkpoint, calibration, EXACT)) < 1e-5


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_static_codes_stay_near_the_reference(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint, calibration = calibrated(tmp_path, shape, labels)
    error = relative_error(checkpoint, graph(checkpoint, calibration, Plan()))
    assert 0 < error < 0.2


@pytest.mark.parametrize("site", Site)
def test_each_rounding_of_each_site_stays_near(site: Site, tmp_path: Path) -> None:
    checkpoint, calibration = calibrated(tmp_path, WIDE, ("a", "b"))
    for rounding in ROUNDINGS[site][:-1]:
        error = relative_error(
            checkpoint, graph(checkpoint, calibration, EXACT.but(site, rounding))
        )
        # but() drops what is static, so this is one site in int8 and the others in fp32
        assert 0 < error < 0.05, rounding


def test_all_uses_of_a_weight_are_in_int8(tmp_path: Path) -> None:
    checkpoint, calibration = calibrated(tmp_path, WIDE, ("a", "b"))
    model = onnx.load_model_from_string(graph(checkpoint, calibration, Plan()))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    uses = [node for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    on_weights = [stored[node.input[1]] for node in uses if node.input[1] in stored]
    assert len(on_weights) == 6 * WIDE.num_hidden_layers
    assert {tensor.data_type for tensor in on_weights} == {TensorProto.INT8}
    assert len({tensor.name for tensor in on_weights}) == 6  # each stored once
    in_fp32 = [
        node.input[1]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in stored
    ]
    assert len(in_fp32) == 3  # the mapping of the embeddings, the pooler and the classifier


def test_the_file_is_about_a_third_of_fp32(tmp_path: Path) -> None:
    shape = Shape(vocab_size=2000, embedding_size=64, hidden_size=128, intermediate_size=512)
    checkpoint, calibration = calibrated(tmp_path, shape, ("a", "b"))
    size = len(graph(checkpoint, calibration, Plan()))
    assert size < 0.56 * 4 * checkpoint.weights.parameters


def test_an_outlying_channel_costs_static_codes_more_than_smoothed_ones(tmp_path: Path) -> None:
    directory = write_checkpoint(tmp_path, shape=WIDE, labels=("a", "b"))
    tensors = random_tensors(WIDE, 2)
    prefix = "albert.encoder.albert_layer_groups.0.albert_layers.0"
    for channel in (3, 17):  # large where it leaves the norm, small where it is taken
        tensors[f"{prefix}.attention.LayerNorm.weight"][channel] *= 60
        tensors[f"{prefix}.ffn.weight"][:, channel] /= 60
    write_tensors(directory, tensors)
    checkpoint = read_checkpoint(directory)
    calibration = calibrate(checkpoint.config, checkpoint.weights, rows(), silent)
    errors = [
        relative_error(
            checkpoint, graph(checkpoint, calibration, EXACT.but(Site.ATTENDED, rounding))
        )
        for rounding in (Rounding.STATIC, Rounding.SMOOTHED)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_a_text_has_the_same_logits_in_any_batch(tmp_path: Path) -> None:
    checkpoint, calibration = calibrated(tmp_path, WIDE, None)
    for plan in (Plan(), Plan().but(Site.HIDDEN, Rounding.PER_TOKEN)):
        session = open_session(graph(checkpoint, calibration, plan))
        together = run_batch(session, rows(), pad_id=0)
        for row, logits in zip(rows(), together, strict=True):
            alone = run_batch(session, [row], pad_id=0)[0]
            np.testing.assert_allclose(logits, alone, atol=1e-6, rtol=0)


def test_a_token_of_zeros_does_no_harm(tmp_path: Path) -> None:
    directory = write_checkpoint(tmp_path, shape=WIDE, labels=("a", "b"))
    tensors = random_tensors(WIDE, 2)
    prefix = "albert.encoder.albert_layer_groups.0.albert_layers.0"
    tensors[f"{prefix}.attention.LayerNorm.weight"][:] = 0
    tensors[f"{prefix}.attention.LayerNorm.bias"][:] = 0
    write_tensors(directory, tensors)
    checkpoint = read_checkpoint(directory)
    calibration = calibrate(checkpoint.config, checkpoint.weights, rows(), silent)
    for rounding in ROUNDINGS[Site.ATTENDED]:
        model = graph(checkpoint, calibration, Plan().but(Site.ATTENDED, rounding))
        for logits in run_batch(open_session(model), rows(), pad_id=0):
            assert np.isfinite(logits).all()


def test_observing_a_graph_does_not_change_it(tmp_path: Path) -> None:
    checkpoint, _ = calibrated(tmp_path, SHAPES[-1], ("a", "b"))
    writer = WrittenOutWriter(checkpoint.config, checkpoint.weights)
    observed, keys = writer.write_observed(("output",))
    assert [step for step, _ in keys] == list(range(len(step_prefixes(checkpoint.config))))
    plain = serialise(WrittenOutWriter(checkpoint.config, checkpoint.weights).write())
    feeds = {
        "input_ids": np.array([rows()[1].ids]),
        "attention_mask": np.ones((1, 5), np.int64),
        "token_type_ids": np.array([rows()[1].token_types]),
    }
    outputs = open_session(serialise(observed)).run(None, feeds)
    np.testing.assert_array_equal(outputs[0], open_session(plain).run(None, feeds)[0])
    assert outputs[1].shape == (5, SHAPES[-1].hidden_size)
