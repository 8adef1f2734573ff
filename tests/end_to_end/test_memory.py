"""What large runs needed of memory is given back when the work stops, and what a request needed
when it has been answered, however it was. What is still on its way is bounded.
"""

import os
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.api.body import MOST_BODIES
from service.runtime.memory import GROWN_BYTES
from service.scheduling.quiet import QUIET_SECONDS
from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.odd_model import UNKNOWN, make_odd
from tests.problems import check_problem
from tests.server import ServerProcess

MEBIBYTE = 1 << 20
TEXTS = ["The long film had an end that nobody in the house saw coming. " * 60] * 8
"""More tokens than a run may have: each is cut to a row of the longest that there is."""

pytestmark = pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)


def resident_of(server):
    """MiB."""
    return server.metric("process_resident_memory_bytes") / MEBIBYTE


def most_resident_of(server):
    """MiB, since the last call."""
    process = Path(f"/proc/{server.process.pid}")
    [most] = [
        int(line.split()[1])
        for line in (process / "status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    (process / "clear_refs").write_text("5")  # from what it has now on
    return most / 1024


@pytest.mark.parametrize("route", ["", "/tokenize"])
@pytest.mark.parametrize(("question", "stride"), [("who?", 378), ("good " * 377, None)])
def test_windows_that_advance_by_a_token_take_no_memory(served, route, question, stride):
    """They would be 350,000, of 6 kB each."""
    contexts = [" ".join([f"the film was good {number}"] * 9_000) for number in range(7)]
    body = {
        "inputs": [{"question": question, "context": context} for context in contexts],
        "parameters": {"doc_stride": stride},
    }
    most_resident_of(served)
    before = resident_of(served)
    answer = served.client.post(
        f"/v1/question-answering{route}", json=body, headers={"X-Request-Timeout": "3600"}
    )
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["place"] == "inputs[0].context"
    assert most_resident_of(served) < before + 96


def test_memory_of_large_runs_is_given_back_after_a_second_of_quiet():
    sizes = ("--max-batch-tokens", "4096", "--max-queue-seconds", "600")
    with ServerProcess(DEFAULT_MODELS, *sizes) as server:

        def ask(number):
            body = {"inputs": [f"{number} {index} {text}" for index, text in enumerate(TEXTS)]}
            assert server.client.post("/v1/sentiment", json=body).status_code == 200

        before = resident_of(server)
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(ask, range(12)))
        grown = resident_of(server)
        assert grown > before + 30
        end = time.monotonic() + 20 * QUIET_SECONDS
        while resident_of(server) > before + (grown - before) / 2:
            assert time.monotonic() < end
            time.sleep(QUIET_SECONDS / 10)


BODY_MEBIBYTES = 16
REFUSED = 16
"""Large bodies, one after the other."""

JSON, NDJSON = "application/json", "application/x-ndjson"
GOOD = b'{"inputs": "good"}'
KINDS = {
    "answered": (200, "/v1/sentiment", JSON, GOOD, "30"),
    "no JSON": (400, "/v1/sentiment", JSON, b'{"inputs', "30"),
    "no content type": (415, "/v1/sentiment", "text/plain", GOOD, "30"),
    "not as described": (422, "/v1/sentiment", JSON, b'{"input": "good"}', "30"),
    "too many inputs": (
        422,
        "/v1/sentiment",
        JSON,
        b'{"inputs": [%s]}' % b",".join([b'""'] * 999),
        "30",
    ),
    "a bad deadline": (422, "/v1/sentiment", JSON, GOOD, "soon"),
    "no such model": (404, "/v1/models/none", JSON, GOOD, "30"),
    "a deadline that cannot be met": (504, "/v1/sentiment", JSON, GOOD, "0.000001"),
    "a run that failed": (
        500,
        "/v1/models/odd",
        JSON,
        b'{"inputs": "%s"}' % UNKNOWN.encode(),
        "30",
    ),
    "no tensors": (422, "/v2/models/sentiment/infer", JSON, b'{"inputs": []}', "30"),
    "no tokens": (422, "/v1/sentiment/tokenize", JSON, b'{"input": "good"}', "30"),
    "a line that is wrong": (200, "/v1/bulk/sentiment", NDJSON, b'{"input": "good"}', "30"),
}


@pytest.fixture(scope="module")
def roomy(slow_models, tmp_path_factory):
    """A service that takes large bodies."""
    models = tmp_path_factory.mktemp("memory") / "models"
    shutil.copytree(slow_models / "sentiment", models / "sentiment")
    make_odd(slow_models / "sentiment", models / "odd")
    flags = ("--max-body-bytes", str(2 * BODY_MEBIBYTES * MEBIBYTE), "--threads", "1")
    with ServerProcess(models, *flags, "--default-sentiment", "sentiment") as server:
        assert server.client.post("/v1/sentiment", json={"inputs": "good"}).status_code == 200
        yield server


def with_spaces(body):
    return body + b" " * (BODY_MEBIBYTES * MEBIBYTE)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_body_is_let_go_with_its_answer(roomy, kind):
    status, path, content_type, body, timeout = kind
    headers = {"Content-Type": content_type, "X-Request-Timeout": timeout}
    before = resident_of(roomy)
    for _ in range(REFUSED):
        answer = roomy.client.post(path, content=with_spaces(body), headers=headers)
        assert answer.status_code == status, answer.text
    assert resident_of(roomy) < before + 4 * BODY_MEBIBYTES


def test_most_of_many_bodies_and_then_nothing_takes_bounded_memory(tiny_models):
    size, callers = MEBIBYTE, 4 * MOST_BODIES
    header = (
        b"POST /v1/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % size
    )
    flags = ("--max-body-bytes", str(size), "--receive-timeout", "3")
    with ServerProcess(tiny_models, *flags) as server, ExitStack() as stack:
        assert server.client.post("/v1/sentiment", content=GOOD).status_code == 200
        before = resident_of(server)

        def stall(_):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            stack.callback(connection.close)
            connection.sendall(header + b" " * (size - 1))
            return connection

        with ThreadPoolExecutor(16) as threads:
            stalled = list(threads.map(stall, range(callers)))
            assert server.client.post("/v1/sentiment", content=GOOD).status_code == 200
            grown = resident_of(server)
            answers = [connection.recv(12) for connection in stalled]
        assert set(answers) == {b"HTTP/1.1 408", b"HTTP/1.1 429"}
        assert answers.count(b"HTTP/1.1 429") >= callers - MOST_BODIES - 8
        assert grown < before + 2 * MOST_BODIES * size / MEBIBYTE
        stack.close()
        assert server.client.post("/v1/sentiment", content=with_spaces(GOOD)[:size]).is_success
        end = time.monotonic() + 20 * QUIET_SECONDS
        while resident_of(server) > before + 2 * GROWN_BYTES / MEBIBYTE:
            print(before, grown, resident_of(server))
            assert time.monotonic() < end
            time.sleep(QUIET_SECONDS / 10)
