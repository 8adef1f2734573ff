"""Hostile and slow connections are bounded, and do not touch anyone else."""

import socket
import time

import pytest

from tests.server import ServerProcess

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
    assert status_of(received) == 431
    assert b"application/problem+json" in received


def test_many_header_lines_are_refused(impatient):
    received = talk(impatient, POST, *[b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(400)])
    assert status_of(received) in (431, None)


def test_a_header_that_never_ends_is_408(impatient):
    start = time.monotonic()
    received = talk(impatient, POST)
    assert status_of(received) == 408
    assert 0.3 < time.monotonic() - start < 5


def test_a_header_that_drips_is_408(impatient):
    received = talk(impatient, POST, *[b"X-A: b\r\n"] * 20, pause=0.1)
    assert status_of(received) in (408, None)


def test_a_body_that_never_comes_is_408(impatient):
    received = talk(impatient, POST + b"Content-Length: 100\r\n\r\n{")
    assert status_of(received) == 408
    assert b'"error_type":"receive_timeout"' in received


def test_a_connection_that_says_nothing_is_closed(impatient):
    start = time.monotonic()
    assert talk(impatient) == b""
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 1000,
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(impatient, garbage):
    assert status_of(talk(impatient, garbage)) in (400, 408, None)


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


def test_pipelined_requests_are_answered_in_order(impatient):
    content = b'{"inputs": "good"}'
    request = POST + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    live = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
    received = talk(impatient, request + request + live + b"Connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.index(b'"label"') < received.index(b'"status"')
