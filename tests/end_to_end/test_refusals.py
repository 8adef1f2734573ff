"""What is refused though the request is right: full, late, starting, stopping, broken. Each refusal
says so in the same form; and a body without end is refused long before its end.
"""

import json
import re
import shutil
import signal
import socket
import time
from contextlib import suppress
from urllib.parse import urljoin

import httpx
import pytest

from tests.crowd import crowd
from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.made_texts import distinct_texts
from tests.odd_model import UNKNOWN, make_odd
from tests.problems import answer_of, check_problem
from tests.server import ServerProcess

SENTIMENT = "/v1/sentiment"
GOOD = {"inputs": "good"}


@pytest.fixture(scope="module")
def troubled(slow_models, tmp_path_factory):
    """One worker, next to no queue, a broken model, and one whose runs may fail."""
    models = tmp_path_factory.mktemp("refusals") / "models"
    shutil.copytree(slow_models, models)
    shutil.copytree(models / "qa", models / "broken")
    make_odd(models / "sentiment", models / "odd")
    flags = ("--threads", "1", "--max-queue-seconds", "0.01", "--default-sentiment", "sentiment")
    with ServerProcess(models, *flags) as server:
        yield server


def test_429_when_the_queue_is_full(troubled):
    body = {"inputs": distinct_texts(4, 300), "parameters": {"truncation": "right"}}
    with crowd(troubled.url + SENTIMENT, body):
        end = time.monotonic() + 20
        while (answer := troubled.client.post(SENTIMENT, json=GOOD)).status_code == 200:
            assert time.monotonic() < end
    problem = check_problem(answer, 429)
    assert problem["error_type"] == "overloaded"
    seconds = int(answer.headers["Retry-After"])
    assert seconds >= 1
    assert f"try again in {seconds} s" in problem["error"]


def test_504_when_the_deadline_cannot_be_met(troubled):
    headers = {"X-Request-Timeout": "0.000000001"}
    problem = check_problem(troubled.client.post(SENTIMENT, json=GOOD, headers=headers), 504)
    assert problem["error_type"] == "deadline_exceeded"
    assert re.search("The deadline passed|the deadline is in 0 s", problem["error"])


def test_503_when_the_model_failed_to_load(troubled):
    for answer in (
        troubled.client.post("/v1/models/broken", json=GOOD),
        troubled.client.post("/v1/models/broken/tokenize", json=GOOD),
        troubled.client.get("/v1/models/broken/info"),
        troubled.client.get("/v1/models/broken/health"),
    ):
        problem = check_problem(answer, 503)
        assert problem["error_type"] == "unavailable"
        assert problem["error"] == "The model 'broken' failed to load."


def test_500_says_nothing_of_the_cause_which_is_in_the_log_under_the_id(troubled):
    assert troubled.client.post("/v1/models/odd", json=GOOD).status_code == 200
    answer = troubled.client.post("/v1/models/odd", json={"inputs": f"good {UNKNOWN}"})
    problem = check_problem(answer, 500)
    assert problem["error_type"] == "internal"
    assert problem["error"] == (
        "Something went wrong on our side; the log has the cause under this request's id."
    )
    caused = troubled.event("a model run failed")
    assert caused["request_id"] == problem["instance"]
    assert "Gather" in caused["exception"]
    assert troubled.client.post("/v1/models/odd", json=GOOD).status_code == 200


def test_503_while_the_service_starts():
    with ServerProcess(DEFAULT_MODELS, when_ready=False) as server:
        for method, path in (
            ("POST", SENTIMENT),
            ("GET", "/v1/sentiment/health"),
            ("GET", "/v1/models/topics/info"),
        ):
            answer = server.client.request(method, path, json=GOOD)
            problem = check_problem(answer, 503)
            assert problem["error_type"] == "not_ready"
            assert "starting" in problem["error"]
            assert answer.headers["Retry-After"] == "1"
        server.event("ready")
        assert server.client.post(SENTIMENT, json=GOOD).status_code == 200


def test_503_while_the_service_stops(slow_models):
    long = json.dumps({"inputs": distinct_texts(20, 300)}).encode()
    with (
        ServerProcess(slow_models) as server,
        socket.create_connection(("127.0.0.1", server.port)) as busy,
    ):
        busy.sendall(
            b"POST /v1/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(long), long)
        )
        end = time.monotonic() + 20
        while server.metric("albert_requests_in_flight") < 2:  # it, and the asking
            assert time.monotonic() < end
        server.process.send_signal(signal.SIGTERM)
        server.event("draining")
        for method, path in (("POST", SENTIMENT), ("GET", "/v1/sentiment/health")):
            answer = server.client.request(method, path, json=GOOD)
            problem = check_problem(answer, 503)
            assert problem["error_type"] == "not_ready"
            assert "shutting down" in problem["error"]
            assert answer.headers["Retry-After"] == "1"


def test_a_body_without_end_is_413_long_before_its_end(tiny):
    piece = b"%x\r\n%b\r\n" % (1 << 16, b" " * (1 << 16))
    sent = 0
    with socket.create_connection(("127.0.0.1", tiny.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        connection.setblocking(False)
        received = b""
        end = time.monotonic() + 20
        while not received:
            assert time.monotonic() < end
            try:
                sent += connection.send(piece[sent % len(piece) :])
            except BlockingIOError:
                time.sleep(0.001)
            with suppress(BlockingIOError):
                received = connection.recv(1 << 16)
        connection.settimeout(20)
        # Header and body may come one after the other.
        while not received.endswith(b"}") and (more := connection.recv(1 << 16)):
            received += more
    problem = check_problem(answer_of(received), 413)
    assert "2097152 bytes" in problem["error"]
    assert sent < 32 << 20


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_405_names_the_methods_that_there_are(tiny, method):
    for path, allowed in (
        (SENTIMENT, {"POST"}),
        ("/v1/models/topics/tokenize", {"POST"}),
        ("/v1/models/topics", {"GET", "POST"}),
        ("/v1/sentiment/info", {"GET"}),
        ("/v1/models", {"GET"}),
        ("/health/ready", {"GET"}),
    ):
        if method in allowed:
            continue
        answer = tiny.client.request(method, path)
        problem = check_problem(answer, 405)
        assert set(answer.headers["Allow"].split(", ")) == allowed
        assert all(name in problem["error"] for name in allowed)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("POST", "/v1/sentiment/nope"),
        ("GET", "/v1/models/topics/nope"),
        ("GET", "/%ff%fe"),
        ("GET", "/" + "a" * 5000),
        ("POST", "/v1/models/../../etc/passwd"),
    ],
)
def test_404_is_short_and_repeats_nothing(tiny, method, path):
    answer = tiny.client.request(method, path)
    problem = check_problem(answer, 404)
    assert problem["error"] == "There is no such route; GET /docs lists them."


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/sentiment/", 200),
        ("POST", "/v1/models/topics/", 200),
        ("POST", "/v1/models/a%20b%3Fc/", 404),
        ("POST", "/v1/bulk/sentiment/?from_line=2", 200),
        ("GET", "/v1/models/", 200),
        ("GET", "/v1/sentiment/health/", 200),
        ("DELETE", "/v1/models/", 405),
    ],
)
def test_a_slash_at_the_end_leads_to_where_the_caller_is_already(tiny, method, path, status):
    headers = {"Host": "elsewhere.example"}
    content = b'{"inputs": "good"}' if method == "POST" else b""
    answer = tiny.client.request(method, path, content=content, headers=headers)
    assert answer.status_code == 307
    assert len(answer.headers["X-Request-Id"]) == 32
    before, _, query = path.partition("?")
    right = before.removesuffix("/") + (f"?{query}" if query else "")
    for base in ("http://127.0.0.1", "https://elsewhere.example/behind/a/proxy"):
        assert urljoin(base + path, answer.headers["Location"]) == base + right
    followed = tiny.client.request(method, path, content=content, follow_redirects=True)
    assert followed.status_code == status


@pytest.mark.parametrize(
    "path", ["/nope/", "/v1/sentiment//", "//elsewhere.example/", "/v1/models%2F", "/docs/"]
)
def test_a_slash_behind_what_is_no_route_is_404(tiny, path):
    answer = tiny.client.request("GET", httpx.URL(tiny.url).copy_with(raw_path=path.encode()))
    problem = check_problem(answer, 404)
    assert problem["error"] == "There is no such route; GET /docs lists them."


def test_a_name_that_is_not_there_is_told_back_in_short(tiny):
    for path in ("/v1/models/", "/v2/models/", "/v2/models/sentiment/versions/"):
        ready = "/ready" if path.startswith("/v2") else ""
        answer = tiny.client.get(path + "a" * 5000 + ready)
        assert "'" + "a" * 63 + "…'" in check_problem(answer, 404)["error"]
        assert len(answer.content) < 1000


def test_every_answer_has_an_id(tiny):
    for method, path in (
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/health/live"),
        ("GET", "/v1/models"),
        ("GET", "/nope"),
        ("POST", SENTIMENT),
        ("POST", "/v1/sentiment/tokenize"),
        ("HEAD", "/v1/models"),
    ):
        answer = tiny.client.request(method, path, headers={"X-Request-Id": "mine"})
        assert answer.headers["X-Request-Id"] == "mine"
        answer = tiny.client.request(method, path)
        assert len(answer.headers["X-Request-Id"]) == 32
