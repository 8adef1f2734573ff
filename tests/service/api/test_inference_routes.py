"""What a request's headers say reaches the inference, and what the answer's headers say is so."""

import asyncio
import json
import re
from types import SimpleNamespace

import pytest

from model_directory.manifest import Task
from service.api.body import BodyReader
from service.api.inference_routes import MODEL_PATH, InferenceRoutes, WireLimits
from service.api.problems import ProblemError
from service.api.translation import InputLimits
from service.inference import Outcome, Timings
from service.lifecycle import Lifecycle
from service.scheduling.priority import Priority
from service.tasks.classification import Prediction
from service.telemetry.metrics import Metrics

STARTED = 1000.0


class FakeInference:
    """Answers POSITIVE to everything and keeps what it was asked."""

    async def answer(self, model, request, deadline, write, priority, *, patient):
        assert patient
        self.asked = model, request, deadline, priority
        result = write([[Prediction("POSITIVE", 0.75)] for _ in request.inputs])
        return Outcome(result, 7, Timings(0.001, 0.002, 0.003, 0.004))


def model_named(name):
    return SimpleNamespace(name=name, manifest=SimpleNamespace(task=Task.SENTIMENT, version=3))


def ask(document, headers=()):
    """What the inference was asked, the status, the headers and the body of the answer."""
    inference = FakeInference()
    registry = SimpleNamespace(get=model_named)
    lifecycle = Lifecycle()
    lifecycle.started()
    limits = WireLimits(1000, 10.0, 30.0, InputLimits(4, 100))
    routes = InferenceRoutes(
        registry, inference, lifecycle, Metrics(), BodyReader(1000, 10.0), limits
    ).routes()
    endpoint = next(route.app for route in routes if route.path == MODEL_PATH)
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(document).encode()}

    async def send(message):
        sent.append(message)

    connection = SimpleNamespace(
        on_lost=None, is_lost=False, is_patient=True, request_is_whole=True
    )
    scope = {
        "type": "http",
        "state": {"started": STARTED},
        "headers": list(headers),
        "path_params": {"model": "films"},
        "extensions": {"albert.connection": connection},
    }
    asyncio.run(endpoint(scope, receive, send))
    start, body = sent
    assert scope["state"] == {"started": STARTED, "route": MODEL_PATH, "model": "films"}
    return inference.asked, start["status"], dict(start["headers"]), body["body"]


def test_an_answer_says_what_it_cost_and_who_gave_it():
    (model, request, _, _), status, headers, body = ask({"inputs": "good"})
    assert model.name == "films"
    assert [item.text for item in request.inputs] == ["good"]
    assert (status, body) == (200, b'[[{"label":"POSITIVE","score":0.75}]]')
    timing = headers.pop(b"server-timing")
    assert re.match(rb"receive;dur=\d+\.\d{3}, parse;dur=\d+\.\d{3}, ", timing)
    assert re.search(
        rb", tokenize;dur=1\.000, queue;dur=2\.000, inference;dur=3\.000, decode;dur=4\.000, "
        rb"total;dur=\d+\.\d{3}$",
        timing,
    )
    assert headers == {
        b"content-length": b"%d" % len(body),
        b"content-type": b"application/json",
        b"x-model": b"films",
        b"x-model-version": b"3",
        b"x-tokens": b"7",
    }


@pytest.mark.parametrize(
    ("headers", "seconds", "priority"),
    [
        ([], 30.0, Priority.INTERACTIVE),
        ([(b"x-priority", b"bulk")], 30.0, Priority.BULK),
        ([(b"x-request-timeout", b"1.5")], 1.5, Priority.INTERACTIVE),
    ],
)
def test_patience_and_priority_are_handed_on(headers, seconds, priority):
    (_, _, deadline, asked), *_ = ask({"inputs": "good"}, headers)
    assert deadline == STARTED + seconds
    assert asked is priority


def test_a_priority_that_there_is_not_is_refused():
    with pytest.raises(ProblemError, match="X-Priority"):
        ask({"inputs": "good"}, [(b"x-priority", b"urgent")])


def test_the_headers_that_are_taken_are_documented():
    routes = InferenceRoutes(None, None, None, None, None, None)
    for route in routes.documentation().routes:
        names = {parameter["name"] for parameter in route.openapi_extra["parameters"]}
        assert names == {"X-Request-Timeout", "X-Priority", "X-Request-Id"}
