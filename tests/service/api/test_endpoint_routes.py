"""The routes beside an inference route answer for it: with its model, or with its error."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from model_directory.manifest import Precision, Task
from service.api.endpoint_routes import EndpointLimits, EndpointRoutes
from service.api.translation import InputLimits
from service.lifecycle import DrainingError, Lifecycle, StartingError
from service.registry import ModelUnavailableError

DIGEST = "ab" * 32


def model(task, precision=Precision.FP32, device="cpu", labels=("no", "yes")):
    files = [
        SimpleNamespace(path="tokenizer.json", sha256="00" * 32),
        SimpleNamespace(path="model.onnx", sha256=DIGEST),
    ]
    manifest = SimpleNamespace(
        name="films",
        version=3,
        task=task,
        labels=() if task is Task.QUESTION_ANSWERING else labels,
        precision=precision,
        max_tokens=64,
        files=files,
        model_file="model.onnx",
    )
    session = SimpleNamespace(device=SimpleNamespace(name=device))
    return SimpleNamespace(manifest=manifest, session=session)


def client_of(*, lifecycle=None, **found):
    """Asks the routes of a registry that finds ``get`` by name and ``default`` by task."""
    if lifecycle is None:
        lifecycle = Lifecycle()
        lifecycle.started()
    limits = EndpointLimits(InputLimits(4, 100), body_bytes=1000, batch_tokens=256)
    app = FastAPI()
    registry = SimpleNamespace(**found)
    app.include_router(EndpointRoutes(registry, lifecycle, limits, "1.2.3").router())
    return TestClient(app)


def test_info_has_the_model_the_limits_and_the_version():
    client = client_of(default=lambda task: model(task, Precision.INT8, "cuda:1"))
    assert client.get("/v1/sentiment/info").json() == {
        "model_id": "films",
        "model_version": 3,
        "model_sha": DIGEST,
        "model_dtype": "int8",
        "model_device_type": "cuda:1",
        "model_pipeline_tag": "text-classification",
        "model_type": {
            "classifier": {"id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1}}
        },
        "task": "sentiment",
        "max_input_length": 64,
        "max_client_batch_size": 4,
        "max_batch_tokens": 256,
        "max_input_characters": 100,
        "max_body_bytes": 1000,
        "version": "1.2.3",
    }


@pytest.mark.parametrize(
    ("precision", "dtype"), [(Precision.FP32, "float32"), (Precision.FP16, "float16")]
)
def test_a_model_by_name_says_its_task_and_type(precision, dtype):
    def get(name):
        assert name == "films"
        return model(Task.QUESTION_ANSWERING, precision)

    info = client_of(get=get).get("/v1/models/films/info").json()
    assert info["model_pipeline_tag"] == info["task"] == "question-answering"
    assert info["model_dtype"] == dtype
    assert "model_type" not in info


@pytest.mark.parametrize("route", [*(f"/v1/{task}" for task in Task), "/v1/models/films"])
@pytest.mark.parametrize("beside", ["info", "health"])
def test_what_the_route_would_raise_is_raised(route, beside):
    def fails(_):
        raise ModelUnavailableError

    path = f"{route}/{beside}"
    with pytest.raises(ModelUnavailableError):
        client_of(get=fails, default=fails).get(path)
    with pytest.raises(StartingError):
        client_of(lifecycle=Lifecycle()).get(path)
    draining = Lifecycle()
    draining.drain()
    with pytest.raises(DrainingError):
        client_of(lifecycle=draining).get(path)


def test_a_route_that_can_answer_is_healthy():
    answer = client_of(default=model).get("/v1/classification/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "reasons": []})
