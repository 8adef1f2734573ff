"""A service that says nothing is not waited for without end; one that owes nothing is."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from client import service
from client.connection import Exchange
from client.errors import AskError
from client.records import Record
from client.service import ask, ask_in_bulk

HEADER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(service, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(service, "QUEUE_SECONDS", 0.0)


@contextmanager
def serving(answer=lambda connection: None):
    """The address of what accepts one connection, and calls ``answer`` with it."""
    accepted = []

    def accept():
        accepted.append(server.accept()[0])
        answer(accepted[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1/sentiment"
        thread.join()
        for connection in accepted:
            connection.close()


def test_a_service_that_never_answers_is_given_up():
    with serving() as url, pytest.raises(AskError, match=r"has said nothing for 0\.3 s; --timeout"):
        asyncio.run(ask(url, {"inputs": "a"}, {}, 0.3))


def test_nor_one_that_never_takes_the_request():
    begun = time.monotonic()
    with serving() as url, pytest.raises(AskError, match="has said nothing"):
        asyncio.run(ask(url, {"inputs": "a" * 20_000_000}, {}, 0.3))
    assert time.monotonic() - begun < 10


def test_nor_one_that_stops_amid_its_answer():
    with (
        serving(lambda connection: connection.sendall(HEADER + b"1\r\n[\r\n")) as url,
        pytest.raises(AskError, match="has said nothing"),
    ):
        asyncio.run(ask(url, {"inputs": "a"}, {}, 0.3))


def _record(text):
    return Record({"inputs": text}, {"text": text})


async def _in_bulk(url, records, seconds):
    found = []
    async for _, line in ask_in_bulk(url, records, {}, at_once=1, deadline_seconds=seconds):
        found.append(json.loads(line))
    return found


def test_a_record_that_is_never_answered_is_given_up():
    with serving() as url, pytest.raises(AskError, match="has said nothing"):
        asyncio.run(_in_bulk(url, iter([_record("a"), _record("b")]), 0.3))


def test_answers_that_come_slowly_and_records_too_are_waited_for():
    asked = threading.Semaphore(0)

    def answer(connection):
        asked.acquire()  # nothing is owed until then, and that is longer than what is
        connection.sendall(HEADER)
        for number in range(4):
            time.sleep(0.2)
            connection.sendall(b"2\r\n%d\n\r\n" % number)
        connection.sendall(b"0\r\n\r\n")

    def records():
        time.sleep(0.9)
        asked.release()
        for text in "abcd":
            yield _record(text)

    with serving(answer) as url:
        assert asyncio.run(_in_bulk(url, records(), 0.5)) == [0, 1, 2, 3]


def test_the_end_of_an_answer_is_owed_too():
    async def nothing_more(url):
        async with Exchange(url, {}, 0.3, lambda: False) as exchange:
            await exchange.finish()
            await exchange.response()

    with serving() as url, pytest.raises(AskError, match="has said nothing"):
        asyncio.run(nothing_more(url))
