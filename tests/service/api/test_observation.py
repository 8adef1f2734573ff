"""The middleware has the last word: on errors of every kind, and on each request's id."""

import asyncio
import json
import re
import time

import pytest
from starlette.requests import ClientDisconnect

from service.api.door import Door
from service.api.observation import ObservationMiddleware
from service.http_protocol import CONNECTION
from service.lifecycle import Lifecycle
from service.telemetry.metrics import Metrics


class PanicException(BaseException):
    """As PyO3 raises it: no Exception."""


class CutConnection:
    def __init__(self):
        self.cuts = 0

    def cut(self):
        self.cuts += 1


def serve(app, *, lifecycle=None, headers=(), connection=None):
    """The two messages that the middleware sends around ``app``, and the metrics."""
    sent = []
    metrics = Metrics()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
    scope["state"] = {"started": time.monotonic() - 3.0}
    scope["extensions"] = {CONNECTION: connection}
    lifecycle = lifecycle or Lifecycle()
    observed = ObservationMiddleware(app, metrics, lifecycle, Door(lifecycle, metrics, refuse, 1.0))
    asyncio.run(observed(scope, None, send))
    return sent, metrics.expose("")[0].decode()


def refuse(priority):
    raise AssertionError("nobody is turned away here")


def raising(error):
    async def app(scope, receive, send):
        raise error

    return app


async def constant(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": ((b"a", b"b"),)})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("error", [PanicException("secret"), ZeroDivisionError("secret")])
def test_a_panic_of_a_library_is_answered_like_any_error_of_ours(error):
    (start, body), metrics = serve(raising(error))
    assert start["status"] == 500
    problem = json.loads(body["body"])
    assert problem["error_type"] == "internal"
    assert "secret" not in body["body"].decode()
    assert problem["instance"] == dict(start["headers"])[b"x-request-id"].decode()
    assert 'albert_requests_total{model="",route="",status="500"} 1.0' in metrics


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit])
def test_what_ends_a_task_or_the_process_is_not_an_error(error):
    with pytest.raises(error):
        serve(raising(error()))


def test_the_time_counts_from_the_reading_of_the_header():
    _, metrics = serve(constant)
    buckets = dict(re.findall(r'duration_seconds_bucket{le="([^"]+)".*} (\S+)', metrics))
    assert (buckets["2.5"], buckets["10.0"]) == ("0.0", "1.0")


def test_an_answer_carries_its_headers_and_the_callers_id():
    (start, _), _ = serve(constant, headers=[(b"x-request-id", b"id-1")])
    assert start["headers"] == [(b"a", b"b"), (b"x-request-id", b"id-1")]


def test_a_draining_service_closes_its_connections():
    lifecycle = Lifecycle()
    lifecycle.drain()
    (start, _), _ = serve(constant, lifecycle=lifecycle)
    assert (b"connection", b"close") in start["headers"]


def test_the_connection_of_a_caller_who_left_is_cut():
    connection = CutConnection()
    sent, metrics = serve(raising(ClientDisconnect()), connection=connection)
    assert sent == []
    assert connection.cuts == 1
    assert 'albert_requests_total{model="",route="",status="499"} 1.0' in metrics
