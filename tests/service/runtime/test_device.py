"""A device that is asked for is used, or its lack is told; never is another taken instead."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bench.checkpoints import write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.integrity import open_version
from model_directory.manifest import Precision
from service.registry import Registry, load_model
from service.runtime.device import CUDA_PROVIDER, Device, DeviceError
from service.runtime.sequence import Sequence
from service.runtime.session import Session
from service.settings import SettingsError, read_settings

needs_cuda = pytest.mark.skipif(
    CUDA_PROVIDER not in onnxruntime.get_available_providers(),
    reason="onnxruntime has no CUDA provider here: install onnxruntime-gpu on a machine with a GPU",
)
without_cuda = pytest.mark.skipif(
    CUDA_PROVIDER in onnxruntime.get_available_providers(),
    reason="onnxruntime has a CUDA provider here, and would use it",
)
CUDA = Device("cuda")
FP16_TOLERANCE = 0.02  # of logits up to 2 or so
ROWS = [
    Sequence(np.array([2, *range(10, 10 + length), 3]), np.zeros(length + 2, np.int64))
    for length in (1, 6, 30)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``classifier`` and ``qa``, as versions 1 fp32, 2 fp16, and 3 int8."""
    home = tmp_path_factory.mktemp("devices")
    for name, labels in (("classifier", ("a", "b")), ("qa", None)):
        checkpoint = write_checkpoint(home / "checkpoints" / name, labels=labels)
        for precision in Precision:
            request = ExportRequest(checkpoint, name, home / "models", precision=precision)
            export_checkpoint(request, lambda *_: None)
    return home / "models"


def session_of(version: Path, device: Device) -> Session:
    return Session(open_version(version).model, pad_token_id=0, device=device)


def test_several_gpus_are_told_apart_by_number():
    [(provider, options), cpu] = Device("cuda:1").providers()
    assert (provider, options["device_id"], cpu) == (CUDA_PROVIDER, "1", "CPUExecutionProvider")
    assert CUDA.providers()[0][1]["device_id"] == "0"


def test_the_start_is_refused_without_onnxruntimes_cuda(monkeypatch, tmp_path):
    arguments = ["--models", str(tmp_path), "--device", "cuda:1"]
    cpu_only = ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: cpu_only)
    with pytest.raises(SettingsError) as refusal:
        read_settings(arguments)
    [line] = str(refusal.value).splitlines()
    assert line.startswith(
        "ALBERT_DEVICE (--device) is 'cuda:1': the onnxruntime that is installed"
    )
    assert "pip install 'onnxruntime-gpu[cuda,cudnn]'" in line
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA_PROVIDER, *cpu_only])
    assert read_settings(arguments).device == "cuda:1"


@without_cuda
def test_a_session_that_onnxruntime_would_silently_put_on_the_cpu_is_refused(models):
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(DeviceError, match="onnxruntime cannot use cuda"),
    ):
        session_of(models / "classifier" / "1", CUDA)


def test_an_int8_model_is_not_served_on_a_gpu_and_says_why(models):
    registry = Registry({}, CUDA)
    registry.load(models)
    assert not registry.loaded
    assert {model.reason for model in registry.failed} == {
        "onnxruntime computes int8 on the CPU alone; "
        "on cuda serve an export with --precision fp16 or fp32"
    }


@pytest.mark.parametrize("name", ["classifier", "qa"])
def test_an_fp16_model_is_served_on_the_processor_too(models, name):
    version = open_version(models / name / "2")
    assert version.manifest.precision is Precision.FP16
    model = load_model(version, 0.0)
    assert model.session.device == Device("cpu")
    assert_same(model.session, session_of(models / name / "1", Device()), FP16_TOLERANCE)


@needs_cuda
@pytest.mark.parametrize("name", ["classifier", "qa"])
@pytest.mark.parametrize(("version", "tolerance"), [("1", 1e-4), ("2", FP16_TOLERANCE)])
def test_logits_on_a_gpu_are_those_of_fp32_on_the_cpu(models, name, version, tolerance):
    model = load_model(open_version(models / name / version), 0.0, device=CUDA)
    assert model.session.device == CUDA
    assert_same(model.session, session_of(models / name / "1", Device()), tolerance)


def assert_same(given: Session, expected: Session, tolerance: float) -> None:
    for rows in (ROWS, ROWS[:1]):
        for one, other in zip(given.run(rows), expected.run(rows), strict=True):
            for mine, theirs in zip(one, other, strict=True):
                assert mine.dtype == np.float32
                np.testing.assert_allclose(mine, theirs, atol=tolerance)
