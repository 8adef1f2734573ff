"""Bulk uploads over slow and broken connections: bounded memory, hang-ups, timeouts, shutdown."""

import contextlib
import http.client
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bulk_upload import Upload
from tests.made_texts import distinct_texts
from tests.problems import answer_of, check_problem
from tests.server import ServerProcess

SENTIMENT = "/v1/bulk/sentiment"
GOOD = {"inputs": "the film was good"}


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def no_faults(server):
    """Whether no line of the service's log is an error; onnxruntime says on its own, and not in
    JSON, that a run was ended.
    """
    faults = [event for event in server.events() if event.get("level") == "error"]
    assert faults == []
    return True


def resident_bytes(server):
    return server.metric("process_resident_memory_bytes")


def test_lines_are_answered_while_the_upload_goes_on(tiny):
    with Upload(tiny, SENTIMENT) as upload:
        for _ in range(3):
            upload.send(GOOD)
            [[labels]] = upload.read()
            assert {label["label"] for label in labels} == {"positive", "negative"}
        upload.finish()
        assert upload.rest() == []


def test_of_a_caller_who_never_reads_little_is_taken_and_nothing_is_lost(tiny):
    bad = b"x" * 199 + b"\n"  # as long as a short text, and as its answer
    assert tiny.client.post(SENTIMENT, content=bad * 1000).status_code == 200
    before = resident_bytes(tiny)
    with Upload(tiny, SENTIMENT, receive_buffer_bytes=65_536) as upload:
        content = bad * 200_000
        taken = upload.send_without_waiting(content)
        # 256 KiB of lines in flight, and what sockets hold of lines and of answers.
        assert taken < len(content) / 2
        assert resident_bytes(tiny) - before < 20_000_000
        with ThreadPoolExecutor(1) as pool:
            pool.submit(upload.send_on, content[taken:])
            for number in range(1, 30_001):
                line = upload.response.readline()
                assert line.endswith(b'"line":%d}\n' % number), line
            assert resident_bytes(tiny) - before < 20_000_000
            upload.close()
    until(lambda: tiny.metric("albert_bulk_uploads_in_flight") == 0)


def test_skipped_lines_take_no_memory_either(tiny):
    line = b"x" * 99 + b"\n"
    before = resident_bytes(tiny)
    answer = tiny.client.post(
        f"{SENTIMENT}?from_line=300001", content=(line * 10_000 for _ in range(30))
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert resident_bytes(tiny) - before < 20_000_000


@pytest.fixture(scope="module")
def impatient(tiny_models):
    with ServerProcess(tiny_models, "--receive-timeout", "1") as server:
        yield server
        assert no_faults(server)


def test_a_slow_upload_is_no_late_request(impatient):
    with Upload(impatient, SENTIMENT) as upload:
        for _ in range(8):  # longer than the timeout and the grace that bodies have
            upload.send(GOOD)
            time.sleep(0.3)
        upload.finish()
        assert len(upload.rest()) == 8


def test_an_upload_that_is_held_back_is_no_late_request(impatient):
    with (
        Upload(impatient, SENTIMENT, receive_buffer_bytes=65_536) as upload,
        ThreadPoolExecutor(1) as pool,
    ):
        content = (b"x" * 199 + b"\n") * 200_000
        taken = upload.send_without_waiting(content)
        assert taken < len(content)
        time.sleep(2.2)
        pool.submit(upload.send_on, content[taken:])
        assert upload.read(20_000)[-1]["line"] == 20_000
        upload.close()


def test_the_next_request_of_the_connection_has_to_be_in_time_as_ever(impatient):
    with Upload(impatient, SENTIMENT) as upload:
        upload.send(GOOD)
        upload.finish()
        assert len(upload.rest()) == 1
        assert upload.send_raw(b"POST /v1/sentiment HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begun", [b"", b'{"inputs": "the r'])
def test_a_caller_who_stops_sending_is_ended_with_its_answers(impatient, begun):
    with Upload(impatient, SENTIMENT, X_Request_Id=f"begun {len(begun)}") as upload:
        upload.send(GOOD, GOOD)
        if begun:
            upload.send_part(begun)
        assert len(upload.read(2)) == 2
        with pytest.raises(http.client.IncompleteRead):
            upload.rest()

    def cut():
        return [
            event
            for event in impatient.events()
            if event["event"] == "a bulk upload was cut short"
            and event["request_id"] == f"begun {len(begun)}"
        ]

    until(cut)
    assert cut()[0]["lines"] == 2
    assert "sent nothing of its upload for 1 s" in cut()[0]["reason"]


def test_a_caller_who_sends_nothing_at_all_is_408(impatient):
    with Upload(impatient, SENTIMENT) as upload:
        assert upload.response.status == 408
        assert json.loads(upload.response.read())["error_type"] == "receive_timeout"


def test_a_caller_who_sends_a_byte_now_and_then_gives_its_place_up(impatient):
    header = f"POST {SENTIMENT} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.4) as connection:
        connection.sendall(header.encode())
        received = b""
        for _ in range(30):
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                received = connection.recv(10_000)
                break
    assert "no whole line" in check_problem(answer_of(received), 408)["error"]
    until(lambda: impatient.metric("albert_bulk_uploads_in_flight") == 0)


def test_a_caller_who_hangs_up_leaves_nothing_behind(slow_models):
    with ServerProcess(slow_models, "--threads", "1", "--max-queue-seconds", "600") as server:
        upload = Upload(server, SENTIMENT)
        upload.send(*({"inputs": text} for text in distinct_texts(500, 240)))
        until(lambda: server.metric("albert_queue_sequences") > 20)
        assert server.metric("albert_bulk_uploads_in_flight") == 1
        upload.close()
        until(lambda: server.metric("albert_bulk_uploads_in_flight") == 0)
        until(lambda: server.metric("albert_queue_sequences") == 0)
        assert server.metric("albert_requests_total", route=SENTIMENT, status="499") == 1
        assert no_faults(server)


def some(count, *, texts, words):
    """Lines, each of so many texts of so many words."""
    return [{"inputs": distinct_texts(texts, words)} for _ in range(count)]


def test_interactive_requests_go_before_the_lines_that_wait(slow_models):
    with (
        ServerProcess(slow_models, "--max-queue-seconds", "600") as server,
        Upload(server, SENTIMENT) as upload,
    ):
        upload.send(*some(40, texts=8, words=240))  # 256 KiB, in flight at once, are 25 of them
        until(lambda: server.metric("albert_queue_sequences") > 100)
        for text in distinct_texts(3, 20):
            assert server.client.post("/v1/sentiment", json={"inputs": text}).status_code == 200
        # Behind what waited it would be nearly all of them.
        assert server.metric("albert_bulk_lines_total") < 20


def test_sigterm_cuts_an_upload_behind_what_was_read(slow_models):
    with ServerProcess(slow_models, "--drain-seconds", "15") as server:
        idle, busy, whole = (Upload(server, SENTIMENT) for _ in range(3))
        with idle, busy, whole:
            idle.send(GOOD)
            idle.read()
            busy.send(*some(40, texts=2, words=100))
            whole.send(*some(20, texts=2, words=100))
            whole.finish()
            busy.read()
            until(lambda: server.metric("albert_queue_sequences") > 0)
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(http.client.IncompleteRead) as cut:
                busy.rest()
            answered = cut.value.partial.splitlines(keepends=True)
            assert len(answered) == 39
            assert all(isinstance(json.loads(line), list) for line in answered)
            with pytest.raises(http.client.IncompleteRead) as cut:
                idle.rest()
            assert cut.value.partial == b""
            assert len(whole.rest()) == 20
            assert server.process.wait(15) == 0
        assert no_faults(server)
