"""Requests that are refused, or forgotten, as soon as their header is read, on a real socket."""

import gc
import socket
import time
from weakref import WeakSet

import pytest

from service.http_protocol import BoundedHttpProtocol
from tests.bare_server import (
    GET,
    KEEP_ALIVE_SECONDS,
    MANY,
    REFUSAL,
    UNREADABLE,
    RefusesPosts,
    RefusesUnparsed,
    exchange,
    handled,
    loop_may_go_on,
    loop_stands,
    post,
    receive,
    received_until_closed,
    served,
    statuses,
)


@pytest.fixture(params=[RefusesPosts, RefusesUnparsed])
def door(request):
    return request.param()


@pytest.fixture
def port(door):
    with served(door) as port:
        yield port


def test_what_is_sent_at_once_is_answered_in_its_order(port):
    received = exchange(port, GET + post() * MANY + GET, MANY + 2)
    assert statuses(received) == [200, *[429] * MANY, 200]


def test_a_body_that_follows_a_refusal_is_not_taken_for_a_request(port):
    received = exchange(port, post(b"GET / HTTP/1.1\r\n\r\n" * 100_000) + GET, 2)
    assert statuses(received) == [429, 200]


def test_a_connection_that_is_not_to_be_kept_is_closed(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(post(Connection="close"))
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert received == REFUSAL


def test_what_is_refused_unparsed_is_between_requests_that_are_parsed():
    door = RefusesUnparsed()
    slow = GET.replace(b"/", b"/slow", 1)
    with (
        served(door) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        for sent, expected in ((post(), [429]), (GET, [200]), (post(), [429]), (GET, [200])):
            connection.sendall(sent)
            assert statuses(receive(connection, 1)) == expected
        assert door.unparsed == 2
        connection.sendall(slow)
        time.sleep(0.3)
        connection.sendall(post())  # not before the answer that is owed
        assert statuses(receive(connection, 2)) == [200, 429]
        for part in (post()[:20], post()[20:]):
            connection.sendall(part)
            time.sleep(0.1)
        assert statuses(receive(connection, 1)) == [429]
    assert door.unparsed == 2


def test_a_connection_that_is_refused_unparsed_stays_open_as_long_as_any():
    with (
        served(RefusesUnparsed(), timeout_keep_alive=KEEP_ALIVE_SECONDS) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        for _ in range(3):
            connection.sendall(post())
            receive(connection, 1)
            time.sleep(KEEP_ALIVE_SECONDS / 2)
        connection.sendall(post())
        receive(connection, 1)
        answered = time.monotonic()
        assert connection.recv(1) == b""
        assert time.monotonic() - answered > 0.9 * KEEP_ALIVE_SECONDS


def test_who_was_refused_for_other_reasons_than_room_has_no_claim_to_any(port, door):
    door.told_seconds = None
    door.turn_away_unparsed = lambda data: None  # by which nobody is refused for other reasons
    received = exchange(port, post() + GET, 2)
    assert statuses(received) == [429, 200]
    assert received.endswith(b"new")


def test_who_waited_as_told_is_let_in_and_known(port, door):
    door.told_seconds = 0.05
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        got = []
        for pause in (0, 0, 0.1, 0):
            time.sleep(pause)
            connection.sendall(post())
            got.append(receive(connection, 1)[-7:])
    assert got == [REFUSAL[-7:], REFUSAL[-7:], b"patient", REFUSAL[-7:]]


def test_a_request_whose_caller_has_left_is_never_begun(port, door):
    handled.clear()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as pausing:
        pausing.sendall(GET.replace(b"/ ", b"/pause ", 1))
        assert loop_stands.wait(30)
        # The event loop reads none of these before all of them have hung up.
        for sent in (post(path=b"/left"), GET.replace(b"/ ", b"/health ", 1)):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as leaving:
                leaving.sendall(sent)
        loop_may_go_on.set()
        receive(pausing, 1)
    exchange(port, GET, 1)
    assert sorted(door.left) == [("GET", "/health"), ("POST", "/left")]
    assert sorted(handled) == ["/", "/health", "/pause"]
    assert door.came_in == 3


ENDS = {
    "nothing sent": b"",
    "answered": GET,
    "answered and refused at once": GET + post() + GET,
    "refused": post(),
    "refused and let in": post() + post(path=b"/left"),
    "left before the answer": GET.replace(b"/ ", b"/slow ", 1) + GET,
    "left within the body": post()[:-3],
    "no request": b"garbage",
}


@pytest.mark.parametrize("sent", ENDS.values(), ids=ENDS)
def test_a_connection_that_is_over_leaves_nothing_to_the_garbage_collector(door, monkeypatch, sent):
    connections = WeakSet()
    begin = BoundedHttpProtocol.connection_made

    def connection_made(self, transport):
        connections.add(self)
        begin(self, transport)

    monkeypatch.setattr(BoundedHttpProtocol, "connection_made", connection_made)
    gc.disable()
    try:
        with served(door) as port:
            for pause_seconds in (0.2, 0):
                with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                    connection.sendall(sent)
                    time.sleep(pause_seconds)
            begun = exchange(port, GET, 1)
            until = time.monotonic() + 10
            while connections and time.monotonic() < until:
                time.sleep(0.01)
            assert (statuses(begun), len(connections)) == ([200], 0)
    finally:
        gc.enable()


def test_garbage_is_answered_by_the_door_and_the_connection_closed(port, door):
    assert received_until_closed(port, b"garbage\r\n\r\n") == UNREADABLE
    assert door.unread == [(400, "malformed_request")]


def test_garbage_behind_requests_does_not_overtake_their_answers(port, door):
    received = received_until_closed(port, GET * 3 + b"garbage\r\n\r\n")
    assert statuses(received) == [200, 200, 200, 400]
    assert door.unread == [(400, "malformed_request")]


def test_garbage_within_a_body_that_was_answered_is_not_answered_again(port, door):
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert received_until_closed(port, chunked + b"zz\r\n") == REFUSAL
    assert door.unread == []


@pytest.mark.parametrize(("pause_seconds", "path"), [(KEEP_ALIVE_SECONDS / 2, b"/"), (0, b"/slow")])
def test_an_idle_connection_is_closed_so_long_after_its_last_answer(door, pause_seconds, path):
    with (
        served(door, timeout_keep_alive=KEEP_ALIVE_SECONDS) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        connection.sendall(GET)
        receive(connection, 1)
        time.sleep(pause_seconds)
        connection.sendall(GET.replace(b"/", path, 1))
        receive(connection, 1)
        answered = time.monotonic()
        assert connection.recv(1) == b""
        assert time.monotonic() - answered > 0.9 * KEEP_ALIVE_SECONDS
