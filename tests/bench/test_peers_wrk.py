import json
import shutil
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.errors import BenchError
from bench.peers import wrk
from bench.peers.wrk import read_report, run_wrk, uncorrected

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def corrected(latencies: list[int], interval: int) -> list[tuple[int, int]]:
    """As ``stats_correct`` of wrk does it, on a list."""
    counts = Counter(latencies)
    for latency in sorted(set(latencies)):
        if latency >= 2 * interval:
            earlier = latency - interval
            while earlier > interval:
                counts[earlier] += latencies.count(latency)
                earlier -= interval
    return sorted(counts.items())


@pytest.mark.parametrize(
    "latencies",
    [
        [5, 7, 9],
        [10, 20, 21, 30, 31, 31, 95],
        [100, 90, 80, 70, 60, 50, 40, 30, 20, 10],
        [19, 20, 29, 30, 39, 40, 400, 390],
    ],
)
def test_what_wrk_adds_to_its_latencies_is_taken_out_again(latencies):
    told = corrected(latencies, 10)
    assert uncorrected(told, 10) == dict(sorted(Counter(latencies).items(), reverse=True))


def report(**changes):
    return {
        "seconds": 2.0,
        "answered": 4,
        "resent": 0,
        "refusals": "",
        "run_microseconds": 2_100_000,
        "socket_errors": {"connect": 0, "read": 0, "write": 0, "timeout": 0},
        "histogram": [[300_000, 2], [900_000, 2]],
    } | changes


def test_a_report_has_every_latency_and_every_status_other_than_200():
    read = read_report(report(refusals="429 503 429 "), connections=2)
    assert read.latencies == [0.3, 0.3, 0.9, 0.9]
    assert read.refusals == {"429": 2, "503": 1}


def test_latencies_that_do_not_add_up_are_refused():
    with pytest.raises(BenchError, match="corrects its latencies"):
        read_report(report(histogram=[[300_000, 3], [900_000, 2]]), connections=2)


@pytest.fixture
def server():
    """Answers 200, but 429 to bodies that say so; keeps the bodies that came."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            self.send_response(429 if body["inputs"] == "refuse" else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/classify", bodies
        running.shutdown()
        thread.join()


@needs_wrk
def test_each_text_is_sent_once_and_each_answer_counted(server):
    url, bodies = server
    texts = [f"text {number}" for number in range(50)] + ["refuse", "refuse"]
    read = run_wrk(url, [json.dumps({"inputs": text}) for text in texts], connections=4)
    assert Counter(body["inputs"] for body in bodies) == Counter(texts)
    assert len(read.latencies) == len(texts)
    assert read.refusals == {"429": 2}
    assert read.resent == 0
    assert 0 < sum(read.latencies) <= 4 * read.seconds


@needs_wrk
def test_fewer_texts_than_connections_are_refused(server):
    with pytest.raises(BenchError, match="cannot keep 4 connections busy"):
        run_wrk(server[0], ["{}"] * 3, connections=4)


def test_a_missing_wrk_is_told_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(wrk.shutil, "which", lambda _: None)
    with pytest.raises(BenchError, match="apt-get install wrk"):
        wrk.find_wrk()
