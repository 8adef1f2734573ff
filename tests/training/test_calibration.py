import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file

from bench.checkpoints import write_checkpoint
from export.checkpoint import read_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.integrity import open_version
from service.runtime.sequence import Sequence
from service.runtime.session import Session
from training import calibration
from training.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    expected_calibration_error,
    fit_score_temperature,
    fit_sigmoid_temperature,
    fit_temperature,
    log_loss,
    recorded_temperature,
    scale_head,
)

CLASSIFIER = ("classifier.weight", "classifier.bias")
seeds = st.integers(0, 2**32 - 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def mean_loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    right = softmax(logits / temperature)[np.arange(len(labels)), labels]
    return float(-np.log(right).mean())


def drawn(seed: int, rows: int, labels: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the softmax of the logits at that temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (rows, labels))
    heights = softmax(logits / temperature).cumsum(axis=1)
    return logits, (random.random((rows, 1)) < heights).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature: float) -> None:
    logits, labels = drawn(1, 40_000, 5, temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.03)


@given(seeds, st.floats(0.3, 4), st.integers(2, 6))
def test_no_other_temperature_is_likelier(seed: int, temperature: float, count: int) -> None:
    logits, labels = drawn(seed, 60, count, temperature)
    fitted = fit_temperature(logits, labels)
    assert LOWEST_TEMPERATURE <= fitted <= HIGHEST_TEMPERATURE
    lowest = mean_loss(logits, labels, fitted)
    for other in np.geomspace(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE, 61):
        assert lowest <= mean_loss(logits, labels, other) + 1e-12


@given(seeds, st.floats(0.5, 2))
def test_larger_logits_get_a_temperature_larger_by_as_much(seed: int, factor: float) -> None:
    logits, labels = drawn(seed, 200, 3, 1.5)
    fitted = fit_temperature(logits, labels)
    assert fit_temperature(logits * factor, labels) == pytest.approx(fitted * factor, rel=1e-6)


def test_what_is_always_right_gets_the_lowest_and_what_is_always_wrong_the_highest() -> None:
    logits = np.array([[4.0, 0.0], [0.0, 2.0]])
    assert fit_temperature(logits, [0, 1]) == LOWEST_TEMPERATURE
    assert fit_temperature(logits, [1, 0]) == HIGHEST_TEMPERATURE


def test_a_label_that_a_row_cannot_have_counts_for_nothing() -> None:
    logits, labels = drawn(3, 300, 4, 2.0)
    wider = np.hstack([logits, np.full((300, 2), -np.inf)])
    assert fit_temperature(wider, labels) == pytest.approx(fit_temperature(logits, labels))
    with pytest.raises(ValueError, match="not finite"):
        fit_temperature(wider, np.full(300, 5))


def test_no_rows_have_no_temperature() -> None:
    with pytest.raises(ValueError, match="no rows"):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int))


@pytest.mark.parametrize("temperature", [0.6, 3.0])
def test_independent_labels_have_a_temperature_too(temperature: float) -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 4, (20_000, 3))
    present = random.random(logits.shape) < 1 / (1 + np.exp(-logits / temperature))
    assert fit_sigmoid_temperature(logits, present) == pytest.approx(temperature, rel=0.03)


def test_every_row_needs_the_labels_of_every_logit() -> None:
    with pytest.raises(ValueError, match=r"\(4, 3\), labels \(4,\)"):
        fit_sigmoid_temperature(np.zeros((4, 3)), np.zeros(4))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.2])
def test_scores_of_chosen_answers_have_a_temperature(temperature: float) -> None:
    """Two labels are chosen by the product of their probabilities, and right only together."""
    first, right_first = drawn(5, 8_000, 4, temperature)
    second, right_second = drawn(6, 8_000, 4, temperature)
    correct = (first.argmax(axis=1) == right_first) & (second.argmax(axis=1) == right_second)

    def scored(tried: float) -> tuple[np.ndarray, np.ndarray]:
        return softmax(first / tried).max(axis=1) * softmax(second / tried).max(axis=1), correct

    assert fit_score_temperature(scored) == pytest.approx(temperature, rel=0.06)


def test_scores_that_are_too_low_because_answers_depend_on_each_other_are_raised() -> None:
    """Where the second label is right whenever the first one is, the product is too low."""
    logits, labels = drawn(8, 8_000, 4, 1.0)
    correct = logits.argmax(axis=1) == labels

    def scored(tried: float) -> tuple[np.ndarray, np.ndarray]:
        return softmax(logits / tried).max(axis=1) ** 2, correct

    fitted = fit_score_temperature(scored)
    assert fitted < 0.8
    assert expected_calibration_error(*scored(fitted)) < expected_calibration_error(*scored(1.0))


def test_log_loss_counted_by_hand_and_of_certain_scores() -> None:
    assert log_loss([0.8, 0.5], [True, False]) == pytest.approx(-np.log(0.8 * 0.5) / 2)
    assert log_loss([0.0], [True]) == pytest.approx(-np.log(1e-6))


def test_calibration_error_of_an_example_counted_by_hand() -> None:
    # (0.2, 0.3]: two answers, mean 0.25, half right; (0.9, 1]: two, mean 0.975, both right
    confidence, correct = [0.22, 0.28, 0.95, 1.0], [True, False, True, True]
    assert expected_calibration_error(confidence, correct, bins=10) == pytest.approx(
        0.5 * 0.25 + 0.5 * 0.025
    )


def test_the_borders_of_the_intervals() -> None:
    # 0.5 belongs to the lower half, and 0 to the first interval
    assert expected_calibration_error([0.5, 0.51], [True, False], bins=2) == pytest.approx(0.505)
    assert expected_calibration_error([0.0, 0.5], [True, False], bins=2) == pytest.approx(0.25)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(1, 20))
def test_calibration_error_is_a_share(answers: list[tuple[float, bool]], bins: int) -> None:
    confidence, correct = zip(*answers, strict=True)
    error = expected_calibration_error(confidence, correct, bins)
    assert 0 <= error <= 1
    overall = abs(np.mean(confidence) - np.mean(correct))
    assert error >= overall - 1e-9  # a finer look never shows less


def test_scaling_at_the_right_temperature_lowers_the_error() -> None:
    logits, labels = drawn(7, 20_000, 4, 3.0)

    def error(temperature: float) -> float:
        scores = softmax(logits / temperature)
        return expected_calibration_error(scores.max(axis=1), scores.argmax(axis=1) == labels)

    assert error(1.0) > 0.15
    assert error(fit_temperature(logits, labels)) < 0.02


@pytest.mark.parametrize(
    ("confidence", "correct"), [([0.5, 1.2], [True, True]), ([0.5], [True, True]), ([], [])]
)
def test_what_is_no_confidence_is_refused(confidence: list[float], correct: list[bool]) -> None:
    with pytest.raises(ValueError, match="confidence"):
        expected_calibration_error(confidence, correct)


@pytest.mark.parametrize("labels", [("bad", "good", "mixed"), None])
def test_only_the_head_is_divided(tmp_path: Path, labels: tuple[str, ...] | None) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny", labels=labels)
    before = load_file(checkpoint / "model.safetensors")
    assert recorded_temperature(checkpoint) == 1.0
    scale_head(checkpoint, 1.7)
    after = load_file(checkpoint / "model.safetensors")
    assert recorded_temperature(checkpoint) == 1.7
    assert after.keys() == before.keys()
    head = "qa_outputs" if labels is None else "classifier"
    for name, tensor in before.items():
        factor = 1.7 if name.startswith(head) else 1.0
        np.testing.assert_allclose(after[name] * factor, tensor, rtol=1e-6)
    read_checkpoint(checkpoint)  # it is still one that can be exported
    assert [path.name for path in checkpoint.iterdir() if "partial" in path.name] == []


def test_scaling_twice_is_scaling_once_and_another_temperature_replaces_it(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    weights = checkpoint / "model.safetensors"
    trained = load_file(weights)
    scale_head(checkpoint, 2.5)
    once = weights.read_bytes()
    scale_head(checkpoint, 2.5)
    assert weights.read_bytes() == once
    scale_head(checkpoint, 1.25)
    for name in CLASSIFIER:
        np.testing.assert_allclose(load_file(weights)[name] * 1.25, trained[name], rtol=1e-6)
    with safe_open(weights, framework="numpy") as file:
        assert file.metadata()["format"] == "pt"  # transformers asks for it


def test_an_interrupted_write_leaves_the_checkpoint_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    before = (checkpoint / "model.safetensors").read_bytes()

    def interrupted(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(calibration, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scale_head(checkpoint, 3.0)
    assert (checkpoint / "model.safetensors").read_bytes() == before
    names = {path.name for path in checkpoint.iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json"}


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(tmp_path: Path, temperature: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        scale_head(write_checkpoint(tmp_path / "tiny"), temperature)


def test_a_head_of_few_bits_is_refused(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny", dtype=np.float16)
    with pytest.raises(ValueError, match="F16"):
        scale_head(checkpoint, 2.0)


def test_a_checkpoint_without_weights_or_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no model\.safetensors"):
        scale_head(tmp_path, 2.0)
    checkpoint = write_checkpoint(tmp_path / "tiny")
    tensors = load_file(checkpoint / "model.safetensors")
    del tensors["classifier.bias"]
    calibration.save_file(tensors, checkpoint / "model.safetensors")
    with pytest.raises(ValueError, match="head"):
        scale_head(checkpoint, 2.0)


def test_the_exported_file_of_a_scaled_checkpoint_has_its_logits_divided(tmp_path: Path) -> None:
    trained = write_checkpoint(tmp_path / "trained", labels=("a", "b", "c"))
    scaled = Path(shutil.copytree(trained, tmp_path / "scaled"))
    scale_head(scaled, 4.0)
    row = Sequence(np.array([2, 40, 50, 60, 3]), np.zeros(5, dtype=np.int64))
    logits = []
    for checkpoint in (trained, scaled):
        request = ExportRequest(checkpoint, checkpoint.name, tmp_path / "models")
        report = export_checkpoint(request, lambda stage, done=0, of=0: None)
        session = Session(open_version(report.directory).model, pad_token_id=0)
        logits.append(session.run([row])[0][0])
    np.testing.assert_allclose(logits[1] * 4.0, logits[0], rtol=1e-4, atol=1e-5)
