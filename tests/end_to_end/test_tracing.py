"""Traces reach a collector and continue the caller's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.keys import ALICE, bearer, write_keys
from tests.server import ServerProcess

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector():
    """An OTLP collector that keeps what it is sent."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def test_a_request_is_a_span_of_the_callers_trace(tiny_models, collector):
    url, received = collector
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "ALBERT_TRACING": "true",
    }
    with ServerProcess(tiny_models, **env) as server:
        answer = server.client.post(
            "/v1/sentiment",
            json={"inputs": "good"},
            headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"},
        )
        assert answer.status_code == 200
    paths = {path for path, _ in received}
    content = b"".join(body for _, body in received)
    assert paths == {"/v1/traces"}
    assert bytes.fromhex(TRACE_ID) in content
    assert b"albert-serve" in content
    assert b"/v1/sentiment" in content


def test_a_span_has_no_key_also_where_spans_hold_all_headers(tiny_models, collector, tmp_path):
    url, received = collector
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS": "x-secret",
        "ALBERT_TRACING": "true",
        "ALBERT_API_KEYS_FILE": str(write_keys(tmp_path)),
    }
    headers = {"X-Secret": "secret of theirs", "X-Shown": "shown to all", **bearer(ALICE)}
    with ServerProcess(tiny_models, **env) as server:
        assert server.client.get("/v1/models", headers=headers).status_code == 200
    content = b"".join(body for _, body in received)
    assert b"shown to all" in content
    assert b"secret of theirs" not in content
    assert ALICE.encode() not in content
