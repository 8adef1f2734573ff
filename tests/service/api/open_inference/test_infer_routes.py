"""What headers and parameters say reaches the inference, and what the answer says is so."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from service.api.body import BodyReader
from service.api.inference_routes import WireLimits
from service.api.open_inference.infer_routes import INFER_PATH, VERSION_PATH, InferRoutes
from service.api.problems import ProblemError
from service.inference import Outcome, Timings
from service.lifecycle import DrainingError, Lifecycle
from service.scheduling.priority import Priority
from service.tasks.classification import Prediction
from service.tasks.errors import InputError
from service.telemetry.metrics import Metrics
from tests.service.api.open_inference.conftest import LIMITS

STARTED = 1000.0
TEXT = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}


class FakeInference:
    """Answers POSITIVE to everything and keeps what it was asked."""

    def __init__(self, refusal=None):
        self.refusal = refusal

    async def answer(self, model, request, deadline, write, priority, *, patient, task):
        assert patient
        assert task is model.task
        self.asked = request, deadline, priority
        if self.refusal is not None:
            raise self.refusal
        result = write([[Prediction("POSITIVE", 0.75)] for _ in request.inputs])
        return Outcome(result, 7, Timings(0.001, 0.002, 0.003, 0.004))


def ask(face, parameters=None, headers=(), path=INFER_PATH, refusal=None, draining=False):
    """What the inference was asked, the headers and the body of the answer."""
    inference, lifecycle, asked_for = FakeInference(refusal), Lifecycle(), []
    lifecycle.started()
    if draining:
        lifecycle.drain()
    faces = SimpleNamespace(get=lambda *names: asked_for.append(names) or face)
    limits = WireLimits(1000, 10.0, 30.0, LIMITS)
    routes = InferRoutes(
        faces, inference, lifecycle, Metrics(), BodyReader(1000, 10.0), limits
    ).routes()
    endpoint = next(route.app for route in routes if route.path == path)
    document = {"id": "42", "inputs": [TEXT], "parameters": parameters}
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(document).encode()}

    async def send(message):
        sent.append(message)

    params = {"model": "films"} | ({"version": "3"} if path == VERSION_PATH else {})
    connection = SimpleNamespace(
        on_lost=None, is_lost=False, is_patient=True, request_is_whole=True
    )
    scope = {
        "type": "http",
        "state": {"started": STARTED},
        "headers": list(headers),
        "path_params": params,
        "extensions": {"albert.connection": connection},
    }
    asyncio.run(endpoint(scope, receive, send))
    start, body = sent
    assert scope["state"] == {"started": STARTED, "route": path, "model": "films"}
    assert asked_for == [("films", params.get("version"))]
    return inference.asked, dict(start["headers"]), body["body"]


@pytest.mark.parametrize("path", [INFER_PATH, VERSION_PATH])
def test_an_answer_in_json(texts, path):
    _, headers, body = ask(texts, path=path)
    assert json.loads(body) == {
        "model_name": "films",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [1, 1], "data": ["POSITIVE"]},
            {"name": "score", "datatype": "FP32", "shape": [1, 1], "data": [0.75]},
        ],
    }
    assert headers.pop(b"server-timing").startswith(b"receive;dur=")
    assert headers == {
        b"content-length": b"%d" % len(body),
        b"content-type": b"application/json",
        b"x-model": b"films",
        b"x-model-version": b"3",
        b"x-tokens": b"7",
    }


def test_an_answer_in_bytes_says_where_they_begin(texts):
    _, headers, body = ask(texts, {"binary_data_output": True})
    assert headers[b"content-type"] == b"application/octet-stream"
    length = int(headers[b"inference-header-content-length"])
    sizes = [each["parameters"] for each in json.loads(body[:length])["outputs"]]
    assert sizes == [{"binary_data_size": 12}, {"binary_data_size": 4}]
    assert body[length:] == b"\x08\0\0\0POSITIVE" + b"\0\0\x40\x3f"


@pytest.mark.parametrize(
    ("parameters", "headers", "seconds", "priority"),
    [
        ({}, [], 30.0, Priority.INTERACTIVE),
        ({"timeout": 0, "priority": 0}, [], 30.0, Priority.INTERACTIVE),
        ({"timeout": 2_500_000, "priority": 2}, [], 2.5, Priority.BULK),
        ({}, [(b"x-priority", b"bulk"), (b"x-request-timeout", b"1.5")], 1.5, Priority.BULK),
        ({"priority": 1}, [(b"x-priority", b"bulk")], 30.0, Priority.INTERACTIVE),
        ({"timeout": 2_000_000}, [(b"x-request-timeout", b"1.5")], 1.5, Priority.INTERACTIVE),
        ({"timeout": 1_000_000}, [(b"x-request-timeout", b"1.5")], 1.0, Priority.INTERACTIVE),
        ({"timeout": 60_000_000}, [], 60.0, Priority.INTERACTIVE),
    ],
)
def test_patience_and_priority_are_handed_on(texts, parameters, headers, seconds, priority):
    (_, deadline, asked), *_ = ask(texts, parameters, headers)
    assert deadline == STARTED + seconds
    assert asked is priority


def test_what_the_task_refuses_is_422_and_named_by_its_row(texts):
    refusal = InputError("It is too long.", index=0, field="text")
    with pytest.raises(ProblemError) as refused:
        ask(texts, refusal=refusal)
    assert refused.value.errors == [{"place": "text[0]", "message": "It is too long."}]


def test_nothing_new_is_taken_while_shutting_down(texts):
    with pytest.raises(DrainingError):
        ask(texts, draining=True)


def test_the_headers_that_are_taken_are_documented():
    routes = InferRoutes(None, None, None, None, None, None)
    assert [route.path for route in routes.documentation().routes] == [INFER_PATH, VERSION_PATH]
    for route in routes.documentation().routes:
        names = {parameter["name"] for parameter in route.openapi_extra["parameters"]}
        assert names == {
            "X-Request-Timeout", "X-Priority", "X-Request-Id", "Inference-Header-Content-Length",
        }  # fmt: skip
