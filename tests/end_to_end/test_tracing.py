"""Traces reach a collector and continue the caller's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

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
