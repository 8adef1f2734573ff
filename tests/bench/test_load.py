import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from bench.errors import BenchError
from bench.load import bodies_of, run_load
from bench.load_generator import Job


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        self.server.seen.append((self.path, text, self.client_address))
        if text == "hang up":
            self.close_connection = True
            return
        answer = b"[]"
        self.send_response(429 if text == "too much" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def recorder() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        server.daemon_threads = True
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def job(server, texts, connections=4):
    host, port = server.server_address
    return Job(host, port, "/v1/models/m", connections, bodies_of(texts))


def test_every_text_is_sent_once_over_as_many_connections_as_were_asked_for(recorder):
    texts = [f"größe {number}" for number in range(40)]
    report = run_load(job(recorder, texts))
    assert sorted(text for _, text, _ in recorder.seen) == sorted(texts)
    assert {path for path, _, _ in recorder.seen} == {"/v1/models/m"}
    assert len({client for _, _, client in recorder.seen}) == 4
    assert report.statuses == [200] * 40
    assert all(0 < latency <= report.seconds for latency in report.latencies)


def test_one_connection_sends_in_order(recorder):
    texts = [str(number) for number in range(10)]
    run_load(job(recorder, texts, connections=1))
    assert [text for _, text, _ in recorder.seen] == texts


def test_a_refusal_is_not_a_measurement(recorder):
    with pytest.raises(BenchError, match=r"429.*1"):
        run_load(job(recorder, ["one", "too much", "two"]))


def test_a_connection_that_is_closed_ends_the_load(recorder):
    with pytest.raises(BenchError, match="closed a connection"):
        run_load(job(recorder, ["one", "hang up"]))
