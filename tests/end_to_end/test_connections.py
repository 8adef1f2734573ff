"""Hostile and slow connections are bounded, and do not touch anyone else."""

import json
import re
import resource
import socket
import time
from contextlib import ExitStack

import pytest

from tests.problems import answer_of, check_problem
from tests.server import ServerProcess

FEW_FILES = 128
"""That a process may have open."""
POST = b"POST /v1/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def impatient(tiny_models):
    with ServerProcess(tiny_models, "--receive-timeout", "0.5") as server:
        yield server


def talk(server, *pieces, pause=0.0):
    """All that the service says to ``pieces`` until it closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            while data := connection.recv(65_536):
                received += data
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received


def status_of(received):
    return int(received.split(b" ", 2)[1]) if received else None


@pytest.fixture(autouse=True)
def _still_serves(impatient):
    yield
    answer = impatient.client.post("/v1/sentiment", json={"inputs": "good"})
    assert answer.status_code == 200


def test_a_header_without_end_is_refused(impatient):
    received = talk(impatient, POST, b"X-Filler: " + b"a" * 400_000)
    problem = check_problem(answer_of(received), 431)
    assert "larger than 65536 bytes" in problem["error"]


@pytest.mark.parametrize(
    "header",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 1001 + b"\r\n",
    ],
    ids=["path", "value", "fields"],
)
def test_a_header_that_is_too_large_is_refused_though_it_comes_at_once(impatient, header):
    problem = check_problem(answer_of(talk(impatient, header)), 431)
    assert problem["error_type"] == "request_header_fields_too_large"


def test_many_header_lines_are_refused(impatient):
    received = talk(impatient, POST, *[b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(400)])
    assert status_of(received) in (431, None)


def test_a_header_that_never_ends_is_408(impatient):
    start = time.monotonic()
    received = talk(impatient, POST)
    problem = check_problem(answer_of(received), 408)
    assert problem["error_type"] == "request_timeout"
    assert "header did not arrive whole within 0.5 s" in problem["error"]
    assert 0.3 < time.monotonic() - start < 5


def test_a_header_that_drips_is_408(impatient):
    received = talk(impatient, POST, *[b"X-A: b\r\n"] * 20, pause=0.1)
    assert status_of(received) in (408, None)


def test_a_body_that_never_comes_is_408(impatient):
    received = talk(impatient, POST + b"Content-Length: 100\r\n\r\n{")
    problem = check_problem(answer_of(received), 408)
    assert problem["error_type"] == "receive_timeout"
    assert "body did not arrive whole within 0.5 s" in problem["error"]


@pytest.mark.parametrize(
    "path", ["/v1/sentiment", "/v1/sentiment/tokenize", "/v2/models/sentiment/infer"]
)
def test_a_body_that_comes_after_the_deadline_is_504_at_the_deadline(impatient, path):
    header = POST.replace(b"/v1/sentiment", path.encode()) + b"X-Request-Timeout: 0.1\r\n"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as connection:
        start = time.monotonic()
        connection.sendall(header + b"Content-Length: 100\r\n\r\n{")
        received = connection.recv(10_000)
        assert 0.1 <= time.monotonic() - start < 0.4
        connection.sendall(b" " * 99 + b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n")
        while data := connection.recv(10_000):
            received += data
    refused, _, alive = received.rpartition(b"HTTP/1.1 ")
    assert check_problem(answer_of(refused), 504)["error_type"] == "deadline_exceeded"
    assert alive.startswith(b"200 ")


def test_a_connection_that_says_nothing_is_closed(impatient):
    start = time.monotonic()
    assert talk(impatient) == b""
    assert time.monotonic() - start < 5


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 1000,
        b"NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: a\0b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nabc\r\n",
        CHUNKED + b'5\r\n{"inputs": ',
    ],
    ids=lambda garbage: repr(garbage[:24])[2:-1] + f" {len(garbage)}",
)
def test_what_is_not_http_is_a_problem_too(impatient, garbage):
    problem = check_problem(answer_of(talk(impatient, garbage)), 400)
    assert problem["error_type"] == "malformed_request"


@pytest.mark.parametrize("path", [b"/v1/sentiment", b"/v1/bulk/sentiment"])
@pytest.mark.parametrize(
    "coding", [b"gzip, chunked", b"deflate,chunked", b"gzip\r\nTransfer-Encoding: chunked"]
)
def test_a_transfer_coding_that_is_not_known_is_501(impatient, path, coding):
    fields = b"Host: a\r\nConnection: close\r\nTransfer-Encoding: %b\r\n\r\n" % coding
    request = b"POST %b HTTP/1.1\r\n" % path + fields + b"3\r\nabc\r\n0\r\n\r\n"
    problem = check_problem(answer_of(talk(impatient, request)), 501)
    assert problem["error_type"] == "transfer_encoding"


def test_the_transfer_coding_that_is_known_goes_by_any_case(impatient):
    content = b'{"inputs": "good"}'
    header = POST + b"Connection: close\r\nTransfer-Encoding:  Chunked \r\n\r\n"
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    assert status_of(talk(impatient, header, chunks)) == 200


@pytest.mark.parametrize("path", ["/v1/sentiment", "/v1/sentiment/tokenize", "/v1/bulk/sentiment"])
def test_a_caller_of_http_1_0_gets_no_chunks(impatient, path):
    content = b'{"inputs": "good"}'
    media_type = b"application/x-ndjson" if "bulk" in path else b"application/json"
    fields = b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (media_type, len(content))
    received = talk(impatient, f"POST {path} HTTP/1.0\r\n".encode() + fields + content)
    header, _, body = received.partition(b"\r\n\r\n")
    assert status_of(received) == 200
    assert b"transfer-encoding" not in header.lower()
    assert b"connection: close" in header.lower()
    assert json.loads(body)


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (POST + b"X-Filler: " + b"a" * 400_000, 431),
        (CHUNKED + b"zz\r\nabc\r\n", 400),
        (CHUNKED + b"0\r\n" + b"a:b\r\n" * 100_000, 431),
        (POST, 408),
    ],
)
def test_what_came_before_the_garbage_is_answered(impatient, garbage, status):
    content = b'{"inputs": "good"}'
    request = POST + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    received = talk(impatient, request * 3 + garbage)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 3
    *_, last = re.finditer(rb"HTTP/1.1 \d", received)
    check_problem(answer_of(received[last.start() :]), status)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade", b"UPGRADE", b"uPgRADE"])
def test_who_would_rather_speak_another_protocol_is_answered_in_this_one(impatient, protocol, name):
    content = b'{"inputs": "good"}'
    fields = b"Content-Length: %d\r\n" % len(content)
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\n%b: %b\r\n" % (name, protocol)
    first = POST + upgrade + fields + b"\r\n" + content
    last = POST + b"Connection: close\r\n" + fields + b"\r\n" + content
    split = first.index(name + b":") + 4
    for pieces in ((first, last), (first + first, last), (first[:split], first[split:] + last)):
        received = talk(impatient, *pieces, pause=0.05)
        answers = b"".join(pieces).count(POST)
        assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200 OK\r\n") == answers
        assert received.count(b'"label"') == 2 * answers


def test_half_sent_requests_do_not_keep_others_out(impatient):
    connections = []
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", impatient.port))
        connection.sendall(POST)
        connections.append(connection)
    answer = impatient.client.post("/v1/sentiment", json={"inputs": "good"})
    assert answer.status_code == 200
    for connection in connections:
        connection.close()


def test_more_connections_than_a_process_has_files_that_does_not_ask_for_more(tiny_models):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    with ExitStack() as stack:
        try:
            server = stack.enter_context(ServerProcess(tiny_models))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(2 * FEW_FILES):
            connection = socket.create_connection(("127.0.0.1", server.port))
            stack.callback(connection.close)
        assert server.client.post("/v1/sentiment", json={"inputs": "good"}).status_code == 200


def test_pipelined_requests_are_answered_in_order(impatient):
    content = b'{"inputs": "good"}'
    request = POST + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    live = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
    received = talk(impatient, request + request + live + b"Connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.index(b'"label"') < received.index(b'"status"')


@pytest.mark.parametrize("path", ["/v1/sentiment", "/v1/sentiment/tokenize", "/v1/bulk/sentiment"])
def test_who_hangs_up_at_once_gets_no_answer_and_is_no_fault(impatient, path):
    body = b'{"inputs": "good"}'
    media_type = b"application/x-ndjson" if "bulk" in path else b"application/json"
    header = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # its end comes with it
        connection.sendall(header % (path.encode(), media_type, len(body)) + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert "error" not in {event.get("level") for event in impatient.events()}
