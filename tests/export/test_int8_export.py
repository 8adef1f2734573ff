from pathlib import Path

import pytest

from bench.checkpoints import Shape, Tensors, random_tensors, write_checkpoint, write_tensors
from export.errors import ExportRefusedError
from export.exporter import ExportReport, ExportRequest, export_checkpoint
from export.quantisation.plan import Rounding, Site
from export.quantisation.search import MAX_MEAN_DRIFT, MIN_AGREEMENT
from model_directory.integrity import open_version
from model_directory.manifest import Precision
from tests.export.conftest import silent

SHAPE = Shape(hidden_size=64, intermediate_size=256)
LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0"


def int8(checkpoint: Path, models: Path, *, calibration: Path | None = None) -> ExportReport:
    return export_checkpoint(
        ExportRequest(
            checkpoint, "m", models, precision=Precision.INT8, calibration=calibration, explain=True
        ),
        silent,
    )


def changed(directory: Path, change: object, labels: tuple[str, ...] | None = ("a", "b")) -> Path:
    """A checkpoint whose tensors were changed by ``change``."""
    write_checkpoint(directory, shape=SHAPE, labels=labels)
    tensors = random_tensors(SHAPE, None if labels is None else len(labels))
    change(tensors)  # type: ignore[operator]
    write_tensors(directory, tensors)
    return directory


@pytest.mark.parametrize(
    ("labels", "problem_type"),
    [
        (("a", "b", "c"), None),
        (("a", "b", "c"), "multi_label_classification"),
        (("score",), "regression"),
        (None, None),
    ],
)
def test_every_head_has_an_int8_graph_that_agrees(
    labels: tuple[str, ...] | None, problem_type: str | None, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(
        tmp_path / "c", shape=SHAPE, labels=labels, problem_type=problem_type
    )
    report = int8(checkpoint, tmp_path / "models")
    manifest = open_version(report.directory).manifest
    assert manifest == report.manifest
    assert manifest.precision is Precision.INT8
    assert manifest.parity.max_logit_difference <= 1e-4
    assert manifest.agreement is not None
    assert manifest.agreement.agreement >= MIN_AGREEMENT
    assert 0 < manifest.agreement.mean_drift <= MAX_MEAN_DRIFT
    assert manifest.quantisation is not None
    assert set(manifest.quantisation.rounding) == {str(site) for site in Site}
    assert report.model_bytes < 0.56 * report.fp32_bytes
    errors = [error.output for error in report.layer_errors]
    assert len(errors) == SHAPE.num_hidden_layers
    assert all(0 < error < 0.2 for error in errors)


def test_two_exports_are_the_same_graph(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "c", shape=SHAPE)
    graphs = [
        (int8(checkpoint, tmp_path / models).directory / "model.onnx").read_bytes()
        for models in ("one", "other")
    ]
    assert graphs[0] == graphs[1]


def test_texts_of_the_caller_calibrate_and_judge(tmp_path: Path) -> None:
    texts = tmp_path / "mine.txt"
    texts.write_text("\n".join(f"the film was good {number}" for number in range(20)))
    report = int8(write_checkpoint(tmp_path / "c", shape=SHAPE), tmp_path / "m", calibration=texts)
    assert report.manifest.quantisation is not None
    assert report.manifest.quantisation.calibration == "mine.txt"
    assert report.manifest.quantisation.calibration_texts == 10
    assert report.manifest.agreement is not None
    assert report.manifest.agreement.texts == 10


def test_a_question_answering_model_asks_for_questions(tmp_path: Path) -> None:
    texts = tmp_path / "mine.txt"
    texts.write_text("who\tthe river runs\nno question here\n")
    checkpoint = write_checkpoint(tmp_path / "c", shape=SHAPE, labels=None)
    with pytest.raises(ExportRefusedError, match="calibration text 2 is not a question, a tab"):
        int8(checkpoint, tmp_path / "models", calibration=texts)
    assert not (tmp_path / "models").exists()


def outlying(tensors: Tensors) -> None:
    """A few channels a hundred times the others: what trained models do, and worse."""
    for channel in (3, 17, 40):
        tensors[f"{LAYER}.attention.LayerNorm.weight"][channel] *= 100
        tensors[f"{LAYER}.attention.LayerNorm.bias"][channel] *= 100
        tensors[f"{LAYER}.ffn.weight"][:, channel] /= 100


def test_what_static_codes_cannot_hold_is_rounded_more_exactly(tmp_path: Path) -> None:
    report = int8(changed(tmp_path / "c", outlying), tmp_path / "models")
    assert len(report.attempts) > 1
    assert report.attempts[-1].plan[Site.ATTENDED] is not Rounding.STATIC
    assert not report.attempts[0].passes
    assert report.attempts[-1].passes
    assert report.manifest.agreement == report.attempts[-1].agreement


def over_sure(tensors: Tensors) -> None:
    """Scores that turn with the last bits of what they are made of."""
    tensors["classifier.weight"] *= 10_000


def test_a_checkpoint_that_no_rounding_suits_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = changed(tmp_path / "c", over_sure)
    with pytest.raises(ExportRefusedError) as caught:
        # The gate on fp32 comes first, and such a head would fail it.
        export_checkpoint(
            ExportRequest(checkpoint, "m", tmp_path / "models", precision=Precision.INT8), silent
        )
    assert not (tmp_path / "models").exists()
    assert "\n" not in str(caught.value)


def test_the_options_of_int8_are_refused_without_it(checkpoint: Path, tmp_path: Path) -> None:
    for request in (
        ExportRequest(checkpoint, "m", tmp_path / "models", explain=True),
        ExportRequest(checkpoint, "m", tmp_path / "models", calibration=tmp_path / "none"),
    ):
        with pytest.raises(ExportRefusedError, match="is about --precision int8"):
            export_checkpoint(request, silent)
