import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest

from bench.errors import BenchError
from bench.open_loop import OpenLoopProcess, run_open_loop
from bench.open_loop_job import Callers, OpenJob, Request

SLOW_SECONDS = 0.5


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer(200, "ok", {})

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        self.server.seen.append((text, self.client_address, self.headers.get("X-Priority")))
        times = sum(seen == text for seen, _, _ in self.server.seen)
        match text:
            case "hang up":
                self.close_connection = True
            case "silence":
                self.server.release.wait()
                self.close_connection = True
            case "slow":
                time.sleep(SLOW_SECONDS)
                self.answer(200, "[]", {"X-Tokens": "7"})
            case "refused at first" if times < 3:
                self.answer(429, "{}", {"Retry-After": "0.1"})
            case _:
                self.answer(200, "[]", {"X-Tokens": "7"})

    def answer(self, status, content, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def recorder() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        server.daemon_threads = True
        server.seen = []
        server.release = threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


def post(text: str, **options) -> Request:
    return Request("text", "/m", json.dumps({"inputs": text}), **options)


def job(server, requests, seconds=1.0, **options) -> OpenJob:
    host, port = server.server_address
    return OpenJob(host, port, seconds, requests, **options)


def test_requests_are_sent_at_their_times_while_earlier_ones_are_not_answered(recorder):
    arrivals = [(0.05 * number, 0) for number in range(6)]
    answers = run_open_loop(job(recorder, [post("slow")], arrivals=arrivals))
    assert len(answers.with_status(200)) == 6
    assert all(answer.sent >= answer.at - 0.001 for answer in answers.all)
    assert max(answer.sent for answer in answers.all) < min(
        answer.at + answer.seconds for answer in answers.all
    ), "the last was sent before the first was answered"
    assert all(answer.at + answer.seconds - answer.sent >= SLOW_SECONDS for answer in answers.all)
    assert len({client for _, client, _ in recorder.seen}) == 6, "a connection each"
    assert [answer.tokens for answer in answers.all] == [7] * 6


def test_an_idle_connection_is_used_again(recorder):
    arrivals = [(0.2 * number, number) for number in range(5)]
    requests = [post(f"größe {number}") for number in range(4)] + [Request("live", "/health")]
    answers = run_open_loop(job(recorder, requests, arrivals=arrivals))
    assert len(answers.with_status(200)) == 5
    assert [text for text, _, _ in recorder.seen] == [f"größe {number}" for number in range(4)]
    assert len({client for _, client, _ in recorder.seen}) == 1


def test_a_caller_comes_again_when_it_was_told_to(recorder):
    requests = [post("refused at first", headers={"X-Priority": "bulk"}), post("then this")]
    answers = run_open_loop(job(recorder, requests, callers=[Callers(1, [0, 1])]))
    first, second, third, following = answers.all[:4]
    assert [first.status, second.status, third.status] == [429, 429, 200]
    assert first.chain == second.chain == third.chain != following.chain
    assert first.retry_after == 0.1
    assert second.at >= first.at + first.seconds + 0.099
    assert (following.request, following.status) == (1, 200)
    assert recorder.seen[0][2] == "bulk"


def test_each_caller_keeps_a_connection_of_its_own(recorder):
    callers = [Callers(3, [0])]
    arrivals = [(0.2, 1), (0.3, 1)]
    requests = [post("refused at first"), post("arrival")]
    run_open_loop(job(recorder, requests, seconds=0.4, arrivals=arrivals, callers=callers))
    clients = {
        text: {c for seen, c, _ in recorder.seen if seen == text} for text, _, _ in recorder.seen
    }
    assert len(clients["refused at first"]) == 3
    assert len(clients["arrival"]) == 1
    assert not clients["arrival"] & clients["refused at first"]


def test_requests_that_are_asked_once_are_shared_among_the_callers(recorder):
    requests = [post(f"{number}") for number in range(5)]
    callers = [Callers(3, list(range(5)), once=True)]
    answers = run_open_loop(job(recorder, requests, seconds=30.0, callers=callers))
    assert sorted(answer.request for answer in answers.all) == list(range(5))
    assert answers.load_cpu_seconds > 0


def test_nobody_asks_after_the_end(recorder):
    callers = [Callers(2, [0], start=0.1)]
    answers = run_open_loop(job(recorder, [post("a")], seconds=0.4, callers=callers))
    assert len(answers) > 2
    assert all(0.099 <= answer.at < 0.4 for answer in answers.all)


def test_a_request_without_an_answer_is_recorded_as_such(recorder):
    requests = [post("hang up"), post("silence"), post("a")]
    arrivals = [(0.0, 0), (0.0, 1), (0.1, 2)]
    answers = run_open_loop(
        job(recorder, requests, seconds=0.2, arrivals=arrivals, drain_seconds=0.3)
    )
    by_request = {answer.request: answer for answer in answers.all}
    assert {number: answer.status for number, answer in by_request.items()} == {0: 0, 1: 0, 2: 200}
    assert by_request[1].seconds >= 0.45, "waited for until the end"


def test_one_that_leaves_sends_all_and_closes(recorder):
    requests = [post("silence", leaves=True), post("b")]
    answers = run_open_loop(
        job(recorder, requests, seconds=0.3, arrivals=[(0.0, 0), (0.2, 1)], drain_seconds=1.0)
    )
    left, stayed = sorted(answers.all, key=lambda answer: answer.at)
    assert (left.status, stayed.status) == (0, 200)
    assert left.seconds < SLOW_SECONDS
    assert [text for text, _, _ in recorder.seen] == ["silence", "b"]


def test_nobody_to_talk_to_is_no_answer_and_not_a_failure(recorder):
    unused = job(recorder, [post("a")], seconds=0.1, arrivals=[(0.0, 0)])
    recorder.shutdown()
    recorder.server_close()
    assert [answer.status for answer in run_open_loop(unused).all] == [0]


def test_a_process_that_fails_says_why(recorder):
    broken = job(recorder, [post("a")], arrivals=[(0.0, 7)])
    with pytest.raises(BenchError, match="IndexError"):
        run_open_loop(broken)


def test_a_process_that_is_no_longer_wanted_is_ended(recorder):
    with OpenLoopProcess(job(recorder, [post("silence")], 60.0, arrivals=[(0.0, 0)])) as process:
        assert process.is_running
    assert not process.is_running
