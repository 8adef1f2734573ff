from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from bench.checkpoints import TINY, Shape, Tensors, random_tensors, write_checkpoint, write_tensors
from export import half_precision
from export.checkpoint import Checkpoint, read_checkpoint
from export.errors import ExportRefusedError
from export.exporter import ExportReport, ExportRequest, export_checkpoint
from export.graph import serialise
from export.half_precision import MAX_MEAN_DRIFT, build_half_graph, rounding_twin
from export.parity import open_session
from export.quantisation.search import MIN_AGREEMENT
from export.reference import Reference
from model_directory.graph_names import INPUTS
from model_directory.integrity import open_version
from model_directory.manifest import Precision
from tests.export.conftest import silent
from tests.export.test_graph import HEADS, SHAPES, checkpoint_of, row, run

LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0"


def fp16(checkpoint: Path, models: Path, *, calibration: Path | None = None) -> ExportReport:
    request = ExportRequest(
        checkpoint, "m", models, precision=Precision.FP16, calibration=calibration
    )
    return export_checkpoint(request, silent)


def checkpoint_with(directory: Path, tensors: Tensors) -> Checkpoint:
    """The checkpoint of a two-label classifier with other tensors."""
    write_tensors(write_checkpoint(directory, labels=("a", "b")), tensors)
    return read_checkpoint(directory)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_near_those_of_the_reference(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, shape, labels)
    reference = Reference(checkpoint.config, checkpoint.weights)
    rows = [row(1), row(2), row(19), row(64)]
    graph = build_half_graph(checkpoint.config, checkpoint.weights)
    for written in (graph, rounding_twin(graph)):
        for output, sequence in zip(run(written, rows), rows, strict=True):
            expected = reference.logits(sequence.ids, sequence.token_types)
            assert output.dtype == np.float32
            assert output.shape == expected.shape
            np.testing.assert_allclose(output, expected, atol=0.02)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_file_is_valid_and_its_floats_are_halves_but_for_the_logits(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of(tmp_path, shape, labels)
    model = onnx.load_from_string(build_half_graph(checkpoint.config, checkpoint.weights))
    onnx.checker.check_model(model, full_check=True)
    assert [given.name for given in model.graph.input] == list(INPUTS)
    kinds = {held.data_type for held in model.graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}
    outputs = {given.type.tensor_type.elem_type for given in model.graph.output}
    assert outputs == {onnx.TensorProto.FLOAT}
    halves = [
        held.raw_data
        for held in model.graph.initializer
        if held.data_type == onnx.TensorProto.FLOAT16
    ]
    assert len(set(halves)) == len(halves)


def test_a_row_of_nothing_but_padding_is_finite_and_padding_changes_no_bit(tmp_path: Path) -> None:
    tensors = random_tensors(TINY, 2)
    tensors[f"{LAYER}.attention.query.weight"] *= 1000  # so that scores are large
    checkpoint = checkpoint_with(tmp_path, tensors)
    graph = build_half_graph(checkpoint.config, checkpoint.weights)
    for written in (graph, rounding_twin(graph)):
        session = open_session(written)
        ids = np.array([row(9).ids, row(9, 1).ids], np.int64)
        mask = np.array([[1] * 5 + [0] * 4, [0] * 9], np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (logits,) = session.run(None, feeds)
        assert np.isfinite(logits).all()
        changed = feeds | {"input_ids": np.where(mask == 1, ids, 99)}
        np.testing.assert_array_equal(session.run(None, changed)[0][0], logits[0])


def test_the_twin_rounds_and_overflows_where_the_graph_on_a_cpu_need_not() -> None:
    """onnxruntime leaves out what it can of the casts around its float32 kernels."""
    numbers = {"large": 60_000.0, "small": 1e-4}
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Cast", ["given"], ["half"], to=onnx.TensorProto.FLOAT16),
            onnx.helper.make_node("Mul", ["half", "large"], ["product"]),
            onnx.helper.make_node("Mul", ["product", "small"], ["scaled"]),
            onnx.helper.make_node("Cast", ["scaled"], ["result"], to=onnx.TensorProto.FLOAT),
        ],
        "g",
        [onnx.helper.make_tensor_value_info("given", onnx.TensorProto.FLOAT, [None])],
        [onnx.helper.make_tensor_value_info("result", onnx.TensorProto.FLOAT, [None])],
        [
            onnx.numpy_helper.from_array(np.array([value], np.float16), name)
            for name, value in numbers.items()
        ],
    )
    half = serialise(graph)
    given = {"given": np.array([2.0, 1.0001], np.float32)}
    (on_a_cpu,) = open_session(half).run(None, given)
    (rounded,) = open_session(rounding_twin(half)).run(None, given)
    assert np.isfinite(on_a_cpu).all()
    assert rounded.tolist() == [np.inf, 6.0]


@pytest.mark.parametrize(
    ("labels", "problem_type"),
    [
        (("a", "b", "c"), None),
        (("a", "b", "c"), "multi_label_classification"),
        (("score",), "regression"),
        (None, None),
    ],
)
def test_every_head_has_an_fp16_graph_that_agrees(
    labels: tuple[str, ...] | None, problem_type: str | None, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "c", labels=labels, problem_type=problem_type)
    report = fp16(checkpoint, tmp_path / "models")
    manifest = open_version(report.directory).manifest
    assert manifest == report.manifest
    assert manifest.precision is Precision.FP16
    assert manifest.parity.max_logit_difference <= 1e-4
    assert manifest.quantisation is None
    assert manifest.agreement is not None
    assert manifest.agreement.texts == 128
    assert manifest.agreement.agreement >= MIN_AGREEMENT
    assert 0 < manifest.agreement.mean_drift <= MAX_MEAN_DRIFT
    assert all(speed.fp32_milliseconds is not None for speed in manifest.speed)
    assert report.model_bytes < 0.65 * report.fp32_bytes


def test_two_exports_are_the_same_graph(checkpoint: Path, tmp_path: Path) -> None:
    graphs = [
        (fp16(checkpoint, tmp_path / models).directory / "model.onnx").read_bytes()
        for models in ("one", "other")
    ]
    assert graphs[0] == graphs[1]


def test_texts_of_the_caller_judge_all_of_them(checkpoint: Path, tmp_path: Path) -> None:
    texts = tmp_path / "mine.txt"
    texts.write_text("\n".join(f"the film was good {number}" for number in range(20)))
    report = fp16(checkpoint, tmp_path / "models", calibration=texts)
    assert report.manifest.agreement is not None
    assert report.manifest.agreement.texts == 20


def too_large(tensors: Tensors) -> None:
    tensors[f"{LAYER}.ffn.weight"][0, 0] = 70_000
    tensors[f"{LAYER}.ffn_output.weight"][:, 0] = 0  # float32 has no trouble with it


def overflowing(tensors: Tensors) -> None:
    tensors[f"{LAYER}.ffn.bias"][0] = 60_000
    tensors[f"{LAYER}.ffn.weight"][0] = 30_000
    tensors[f"{LAYER}.ffn_output.weight"][:, 0] = 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (too_large, f"fp16 cannot hold '{LAYER}.ffn.weight': its largest weight is 7e+04"),
        (overflowing, "computes values that are too large for this precision"),
    ],
)
def test_what_fp16_cannot_express_is_refused_and_leaves_nothing(
    change: Callable[[Tensors], None], reason: str, tmp_path: Path
) -> None:
    tensors = random_tensors(TINY, 2)
    change(tensors)
    checkpoint_with(tmp_path / "c", tensors)
    with pytest.raises(ExportRefusedError) as caught:
        fp16(tmp_path / "c", tmp_path / "models")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models").exists()


def test_what_drifts_too_far_is_refused_and_leaves_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half_precision, "MAX_MEAN_DRIFT", 1e-6)
    with pytest.raises(ExportRefusedError, match="fp16 does not agree with fp32: agreement 1"):
        fp16(checkpoint, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_explain_is_not_for_fp16(checkpoint: Path, tmp_path: Path) -> None:
    request = ExportRequest(checkpoint, "m", tmp_path, precision=Precision.FP16, explain=True)
    with pytest.raises(ExportRefusedError, match="--explain is about --precision int8"):
        export_checkpoint(request, silent)
