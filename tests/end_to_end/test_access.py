"""Keys and rates on a real socket: who is let in, what the others are told before a body is read,
and that no key is ever written down.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.keys import ALICE, BOB, WRONG, bearer, write_keys
from tests.problems import answer_of, check_problem
from tests.server import ServerProcess

SENTIMENT = "/v1/sentiment"
GOOD = {"inputs": "good"}
RATE = 20
RECEIVE_SECONDS = 1


@pytest.fixture(scope="module")
def keyed(tiny_models, tmp_path_factory):
    """A service that asks for a key, and gives a request a second to arrive."""
    path = write_keys(tmp_path_factory.mktemp("keyed"))
    env = {"ALBERT_API_KEYS_FILE": str(path), "ALBERT_RECEIVE_TIMEOUT": str(RECEIVE_SECONDS)}
    with ServerProcess(tiny_models, "--default-classification", "topics", **env) as server:
        server.client.headers.update(bearer(ALICE))
        yield server


@pytest.fixture
def nobody(keyed):
    """A client without a key."""
    with httpx.Client(base_url=keyed.url) as client:
        yield client


def exchange(server, sent, *, seconds=10.0):
    """What comes back for ``sent``, until the answer is whole."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(sent)
        received = b""
        while b"}" not in received:
            part = connection.recv(65536)
            assert part, received
            received += part
        return answer_of(received)


def header(path, *fields, method="POST"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *fields, "\r\n"]).encode()


# Keys --------------------------------------------------------------------------------------------


def test_a_right_key_is_answered_on_every_route(keyed):
    for path in ("/v1/models", "/v1/sentiment/info", "/v2", "/v2/models/sentiment", "/metrics"):
        assert keyed.client.get(path).status_code == 200
    assert keyed.client.post(SENTIMENT, json=GOOD).status_code == 200
    assert keyed.client.post(SENTIMENT, json=GOOD, headers=bearer(BOB)).status_code == 200
    assert keyed.client.post(f"{SENTIMENT}/tokenize", json=GOOD).status_code == 200
    lines = keyed.client.post("/v1/bulk/sentiment", content=json.dumps(GOOD))
    assert (lines.status_code, len(lines.text.splitlines())) == (200, 1)
    check_problem(keyed.client.get("/nope"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", SENTIMENT), ("POST", "/v1/models/topics"), ("POST", "/v1/sentiment/tokenize")],
        *[("POST", "/v1/bulk/sentiment"), ("POST", "/v2/models/topics/infer"), ("GET", "/v2")],
        *[("GET", "/v1/models"), ("GET", "/v1/sentiment/info"), ("GET", "/v1/sentiment/health")],
        *[("GET", "/metrics"), ("GET", "/"), ("GET", "/nope"), ("DELETE", SENTIMENT)],
        *[("OPTIONS", SENTIMENT), ("GET", "/health"), ("POST", f"{SENTIMENT}/")],
    ],
)
def test_without_a_key_401_and_with_a_wrong_one_403(nobody, method, path):
    missing = nobody.request(method, path, headers={"X-Request-Id": "id of mine"})
    assert check_problem(missing, 401)["error_type"] == "no_key"
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="albert-serve"'
    assert missing.headers["X-Request-Id"] == "id of mine"
    malformed = nobody.request(method, path, auth=("alice", ALICE))
    assert check_problem(malformed, 401)["error_type"] == "malformed_authorization"
    wrong = nobody.request(method, path, headers=bearer(WRONG))
    assert check_problem(wrong, 403)["error_type"] == "wrong_key"
    assert "WWW-Authenticate" not in wrong.headers


def test_health_and_description_are_for_everybody(nobody):
    for path in ("live", "ready", "startup"):
        assert nobody.get(f"/health/{path}").json()["status"] == "ok"
    assert nobody.get("/v2/health/live").status_code == 200
    assert nobody.get("/v2/health/ready").status_code == 200
    assert nobody.get("/docs").status_code == 200
    document = nobody.get("/openapi.json").json()
    assert document["paths"]["/v1/sentiment"]["post"]["security"] == [{"bearer": []}]


def test_an_answer_to_head_is_a_header_and_the_connection_goes_on(keyed):
    sent = header("/v1/models", method="HEAD") + header("/v1/models", method="GET")
    with socket.create_connection(("127.0.0.1", keyed.port), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while b"}" not in received:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 401 Unauthorized\r\n") == 2
    assert received.count(b'"error_type"') == 1


def test_a_refusal_waits_for_no_body_and_invites_none(keyed):
    for fields in (
        ["Content-Type: application/json", "Content-Length: 1000000"],
        ["Content-Length: 1000000", "Expect: 100-continue"],
        ["Transfer-Encoding: chunked", "Expect: 100-continue"],
    ):
        for path in (SENTIMENT, "/v1/bulk/sentiment", "/v2/models/topics/infer"):
            before = time.monotonic()
            check_problem(exchange(keyed, header(path, *fields)), 401)
            assert time.monotonic() - before < RECEIVE_SECONDS


def test_a_body_that_does_not_end_is_not_read_for_long(keyed):
    """What was refused may go on sending until a request has to have arrived."""
    sent = header(SENTIMENT, "Content-Length: 1000000000")
    with socket.create_connection(("127.0.0.1", keyed.port), timeout=10) as connection:
        connection.sendall(sent)
        assert b"401 Unauthorized" in connection.recv(65536)
        end = time.monotonic() + 8
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                connection.sendall(b" " * 1000)
                time.sleep(0.02)
        assert time.monotonic() < end


def test_nobody_slips_in_while_earlier_answers_are_not_taken(tiny_models, tmp_path):
    """The door does not write then; what is around the application refuses instead."""
    count = 10_000
    sent = header("/v1/models", f"X-Request-Id: {'x' * 128}", method="GET") * count
    keys = str(write_keys(tmp_path))
    with (
        ServerProcess(tiny_models, "--api-keys-file", keys) as server,
        socket.socket() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", server.port))
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        time.sleep(2)
        received = bytearray()
        while received.count(b'"errors":[]}') < count:
            part = connection.recv(1 << 20)
            assert part
            received += part
        assert received.count(b"HTTP/1.1 401 Unauthorized\r\n") == count
        assert received.count(b"HTTP/1.1 ") == count
        by_middleware = [
            event for event in server.events() if event["logger"] == "service.api.observation"
        ]
        assert {event["status"] for event in by_middleware} == {401}


def test_a_whole_body_is_skipped_and_the_next_request_answered(keyed):
    body = json.dumps(GOOD).encode()
    fields = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    sent = header(SENTIMENT, *fields) + body
    sent += header(SENTIMENT, *fields, f"Authorization: Bearer {ALICE}") + body
    with socket.create_connection(("127.0.0.1", keyed.port), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while b"]]" not in received:
            received += connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 401 ")
    assert b"HTTP/1.1 200 OK" in received


def test_a_refusal_touches_neither_queue_nor_model(keyed, nobody):
    before = keyed.metric("albert_real_tokens_total")
    for _ in range(20):
        assert nobody.post(SENTIMENT, json={"inputs": "not to be run"}).status_code == 401
    assert keyed.metric("albert_real_tokens_total") == before
    assert keyed.metric("albert_requests_total", route=SENTIMENT, status="401") >= 20
    assert keyed.metric("albert_callers_refused_total", reason="no_key") >= 20


def test_the_log_has_the_keys_name_and_no_key(keyed, nobody):
    ids = {"X-Request-Id": "named"}, {"X-Request-Id": "wrong"}, {"X-Request-Id": "basic"}
    keyed.client.get("/nope", headers=ids[0])
    nobody.get("/nope", headers=ids[1] | bearer(WRONG))
    nobody.get("/nope", headers=ids[2] | {"Authorization": f"Basic {ALICE}"})
    for each in ids:
        keyed.event(each["X-Request-Id"], of="request_id")
    by_id = {event.get("request_id"): event for event in keyed.events()}
    assert by_id["named"]["key"] == "alice"
    assert (by_id["wrong"]["client"], by_id["wrong"]["status"]) == ("127.0.0.1", 403)
    log = json.dumps(keyed.events()) + keyed.client.get("/metrics").text
    for secret in (ALICE, BOB, WRONG, "Bearer", "Basic"):
        assert secret not in log


def test_the_examples_of_a_service_with_keys_send_one(tiny_models, tmp_path):
    keys = str(write_keys(tmp_path))
    flags = ("--examples", "--api-keys-file", keys)
    with ServerProcess(tiny_models, *flags, capture_output=True) as server:
        lines = [line for line in server.printed() if line.startswith("curl ")]
        assert server.event("ready")["keys"] == 2
        done = subprocess.run(
            ["sh", "-c", lines[0].replace("curl ", "curl --fail --silent --noproxy '*' ", 1)],
            env={**os.environ, "ALBERT_API_KEY": ALICE},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert len(lines) == 3
    assert json.loads(done.stdout)


def test_while_the_service_starts_keys_are_asked_for_too(slow_models, tmp_path):
    path = str(write_keys(tmp_path))
    with ServerProcess(slow_models, when_ready=False, ALBERT_API_KEYS_FILE=path) as server:
        check_problem(server.client.post(SENTIMENT, json=GOOD), 401)
        assert server.client.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("alice:short-secret", "line 1: a key is 16 to 1024"),
        (f"a:{ALICE}\n# two\na:{BOB}", "line 3: its name is that of line 1"),
        (f"{ALICE}", "line 1: it is not name:key"),
        ("", "has no key in it"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_with_one_line(tmp_path, content, words):
    path = write_keys(tmp_path, content)
    process = subprocess.run(
        [sys.executable, "-m", "service", "--api-keys-file", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 2
    [line] = process.stderr.splitlines()
    assert line.startswith(f"ALBERT_API_KEYS_FILE (--api-keys-file): {path}")
    assert words in line
    for secret in (ALICE, BOB, "short-secret"):
        assert secret not in line


# Rates -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def limited(tiny_models, tmp_path_factory):
    """A service with keys and a rate so low that no token comes while a test asks."""
    path = write_keys(tmp_path_factory.mktemp("limited"))
    env = {"ALBERT_API_KEYS_FILE": str(path), "ALBERT_RATE_LIMIT": "0.01"}
    with ServerProcess(tiny_models, **env) as server:
        yield server


def test_over_its_rate_a_key_is_refused_and_others_are_not(limited):
    first = limited.client.post(SENTIMENT, json=GOOD, headers=bearer(ALICE))
    assert first.status_code == 200
    assert first.headers["RateLimit-Policy"] == '"requests";q=1;w=100'
    assert first.headers["RateLimit"] == '"requests";r=0;t=100'
    second = limited.client.post(SENTIMENT, json=GOOD, headers=bearer(ALICE))
    problem = check_problem(second, 429)
    assert problem["error_type"] == "rate_limited"
    assert 90 <= int(second.headers["Retry-After"]) <= 100
    assert second.headers["RateLimit"] == f'"requests";r=0;t={second.headers["Retry-After"]}'
    assert limited.client.get("/v1/models", headers=bearer(BOB)).status_code == 200
    for path in ("/health/live", "/health/ready", "/metrics"):
        for _ in range(3):
            answer = limited.client.get(path, headers=bearer(ALICE))
            assert answer.status_code == 200
            assert "RateLimit" not in answer.headers


def test_a_body_of_who_is_over_its_rate_is_not_waited_for(limited):
    fields = f"Authorization: Bearer {ALICE}", "Content-Length: 1000000", "Expect: 100-continue"
    exchange(limited, header("/v1/bulk/sentiment", *fields))
    answer = exchange(limited, header("/v1/bulk/sentiment", *fields))
    assert check_problem(answer, 429)["error_type"] == "rate_limited"


@pytest.fixture(scope="module")
def by_address(tiny_models):
    """A service without keys that lets each address send ``RATE`` requests a second."""
    with ServerProcess(tiny_models, "--rate-limit", str(RATE)) as server:
        yield server


def test_an_address_gets_its_rate_and_is_told_true(by_address):
    """Also where it says that it is another one."""
    statuses, waits = [], 0
    begin = time.monotonic()
    while waits < 2:
        forged = {"X-Forwarded-For": f"10.0.0.{len(statuses) % 250}"}
        answer = by_address.client.get("/v1/models", headers=forged)
        statuses.append(answer.status_code)
        assert answer.headers["RateLimit-Policy"] == f'"requests";q={RATE};w=1'
        if answer.status_code == 429:
            assert check_problem(answer, 429)["error"].startswith("This address has sent more")
            assert answer.headers["Retry-After"] == "1"
            waits += 1
            time.sleep(1)
            assert by_address.client.get("/v1/models").status_code == 200
            statuses.append(200)
    taken = statuses.count(200)
    assert RATE <= taken <= RATE + RATE * (time.monotonic() - begin)


def test_a_bulk_upload_is_one_request(by_address):
    time.sleep(1)
    lines = f"{json.dumps(GOOD)}\n" * (3 * RATE)
    answer = by_address.client.post("/v1/bulk/sentiment", content=lines)
    assert answer.status_code == 200
    assert answer.text.count("positive") == 3 * RATE
    assert answer.headers["RateLimit"].startswith(f'"requests";r={RATE - 1};')
