"""Requests that are large, late, many, or none, on a real socket."""

import socket
import threading
import time

import pytest

from service.http_protocol import BoundedHttpProtocol
from service.http_reading import MAX_HEADER_BYTES, MOST_WAITING, SLICE_BYTES, SLICES_A_TURN
from tests.bare_server import (
    GET,
    KEEP_ALIVE_SECONDS,
    LARGE_BYTES,
    MANY,
    REFUSAL,
    RefusesPosts,
    exchange,
    handled,
    post,
    receive,
    received_until_closed,
    served,
    statuses,
)

SLOW = GET.replace(b"/", b"/slow", 1)
CHUNKED = b"GET /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
RECEIVE_SECONDS = 0.4
"""Less than what is asked for at ``SLOW`` takes."""


@pytest.fixture
def door():
    return RefusesPosts()


@pytest.fixture
def port(door):
    with served(door) as port:
        yield port


@pytest.fixture
def impatient(door):
    with served(door, receive_seconds=RECEIVE_SECONDS) as port:
        yield port


def talk(port, *pieces, pause=0.05):
    """All that is received until the connection is closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        while part := connection.recv(1 << 16):
            received += part
    return received


def closing(request):
    return request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


WITHOUT_END = {"fields": (b"", b"a:b\r\n"), "value": (b"a:", b"b" * 5), "size": (b"5;a=", b"b" * 5)}


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("kind", WITHOUT_END)
def test_what_follows_a_body_without_end_is_refused(port, door, method, kind):
    begin, more = WITHOUT_END[kind]
    end = b"0\r\n" if kind != "size" else b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(CHUNKED.replace(b"GET", method) + b"1\r\na\r\n" + end + begin)
        sent, piece = 0, more * 1000
        try:
            while sent < 64 * MAX_HEADER_BYTES:
                connection.sendall(piece)
                sent += len(piece)
                time.sleep(0.001)
        except ConnectionError:
            pass
    assert sent < 64 * MAX_HEADER_BYTES
    refused_before = method == b"POST"
    expected = [] if refused_before else [(431, "request_header_fields_too_large")]
    assert door.unread == expected


@pytest.mark.parametrize("before", [b"", SLOW])
def test_a_field_behind_the_body_is_none_of_the_header(port, before):
    request = (
        closing(CHUNKED).replace(b"/echo", b"/names") + b"1\r\na\r\n0\r\nAuthorization: b\r\n\r\n"
    )
    received = talk(port, before + request)
    assert received.endswith(b"connection,host,transfer-encodingnew")


@pytest.mark.parametrize("count", [1000, 1001])
def test_a_header_has_so_many_fields(port, door, count):
    header = b"GET / HTTP/1.1\r\nConnection: close\r\n" + b"a:\r\n" * (count - 1) + b"\r\n"
    received = talk(port, header)
    assert (statuses(received), door.unread) == (
        ([200], []) if count == 1000 else ([400], [(431, "request_header_fields_too_large")])
    )


@pytest.mark.parametrize("size", [60_000, 70_000])
def test_a_header_that_is_sent_at_once_is_bounded_too(port, door, size):
    talk(port, closing(GET)[:-2] + b"X-A: " + b"a" * size + b"\r\n\r\n")
    assert door.unread == (
        [] if size < MAX_HEADER_BYTES else [(431, "request_header_fields_too_large")]
    )


BODY = b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"
"""Would be taken for a request, were it none."""


@pytest.mark.parametrize("name", ["Upgrade", "upgrade", "UPGRADE", "uPgRADE"])
@pytest.mark.parametrize("before", [b"", GET])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_who_asks_for_another_protocol_keeps_its_body(port, name, before, is_chunked):
    asks = f"{name}: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n".encode()
    if is_chunked:
        request = CHUNKED[:-2] + asks + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    else:
        request = (
            post(BODY).replace(b"POST /", b"GET /echo").replace(b"\r\n", b"\r\n" + asks[:-2], 1)
        )
    for sent in ([before + request + closing(GET)], [before + request, closing(GET)]):
        received = talk(port, *sent)
        assert statuses(received) == [200] * (2 + bool(before))
        assert received.count(BODY + b"new") == 1


def test_who_asks_for_another_protocol_and_an_end_has_both(port):
    asks = {"Upgrade": "h2c", "Connection": "Upgrade, close"}
    received = talk(port, post(BODY, **asks).replace(b"POST /", b"GET /echo") + GET)
    assert statuses(received) == [200]
    assert received.endswith(BODY + b"new")


def test_who_asks_for_another_protocol_in_pieces_keeps_its_body(port):
    request = post(BODY, Upgrade="h2c", Connection="Upgrade").replace(b"POST /", b"GET /echo")
    sent = request + closing(GET)
    received = talk(port, *(sent[at : at + 1] for at in range(len(sent))), pause=0.001)
    assert statuses(received) == [200, 200]
    assert received.count(BODY + b"new") == 1


def test_a_body_is_never_taken_for_a_header(port):
    request = post(b"a\r\nUpgrade: now").replace(b"POST /", b"GET /echo")
    end = request.index(b"\r\n\r\n") + 2
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in (request[:end], request[end:]):
            connection.sendall(part)
            time.sleep(0.05)
        assert receive(connection, 1).endswith(b"a\r\nUpgrade: nownew")


@pytest.mark.parametrize("target", [b"a:443", b"/echo"])
def test_what_follows_a_request_for_a_tunnel_is_no_request(port, door, target):
    received = talk(port, b"CONNECT %b HTTP/1.1\r\nHost: a\r\n\r\n" % target + GET, GET)
    assert statuses(received) == [400]
    assert door.unread == [(400, "malformed_request")]


@pytest.mark.parametrize("target", [b"http://a", b"http://a?b=c", b"http://a/"])
def test_a_target_in_absolute_form_may_have_no_path(port, target):
    handled.clear()
    received = talk(port, GET + closing(GET).replace(b"/", target, 1))
    assert statuses(received) == [200, 200]
    assert handled == ["/", "/"]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_only_http_1_1_has_a_word_before_the_answer(port, version):
    request = post(Connection="close", Expect="100-continue").replace(b"POST /", b"GET /echo")
    received = talk(port, request.replace(b"1.1", version))
    assert statuses(received) == ([100, 200] if version == b"1.1" else [200])


def test_garbage_is_not_logged(port, caplog):
    received_until_closed(port, b"garbage\r\n\r\n")
    upgrade = GET[:-2] + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    received_until_closed(port, upgrade)
    assert caplog.records == []


LATE = {
    "no request": (b"garbage\r\n\r\n", [200, 400]),
    "a bad target": (b"GET /\x01 HTTP/1.1\r\n\r\n", [200, 400]),
    "half a header": (GET[:-5], [200, 400]),
    "a bad chunk": (CHUNKED + b"zz\r\n", [200, 400]),
    "a whole one and a bad chunk": (GET + CHUNKED + b"zz\r\n", [200, 200, 400]),
    "a whole one and half a header": (GET + GET[:-5], [200, 200, 400]),
    "a body that never comes": (CHUNKED, [200]),
    "a whole one and a body that never comes": (GET + CHUNKED, [200, 200]),
    "trailers": (CHUNKED + b"0\r\n" + b"a:b\r\n" * 20_000, [200, 400]),
    "many fields": (GET[:-2] + b"a:\r\n" * 10_000, [200, 400]),
}


@pytest.mark.parametrize("is_apart", [True, False])
@pytest.mark.parametrize("kind", LATE)
def test_who_was_let_in_is_answered_whatever_follows(impatient, kind, is_apart):
    following, expected = LATE[kind]
    sent = [SLOW, following] if is_apart else [SLOW + following]
    received = talk(impatient, *sent)
    assert statuses(received) == expected
    assert b"connection: close" not in received[: received.rindex(b"HTTP/1.1")]


def test_a_body_that_is_not_read_is_not_late(impatient):
    body = b"a" * 600_000
    request = post(body, Connection="close").replace(b"POST /", b"GET /echo")
    received = talk(impatient, SLOW + request)
    assert statuses(received) == [200, 200]
    assert received.endswith(body + b"new")


@pytest.mark.parametrize("closes", [True, False])
def test_a_header_that_is_never_whole_is_late_behind_an_answer(impatient, door, closes):
    sent = (closing(GET) if closes else GET) + GET[:-5]
    received = talk(impatient, sent)
    assert statuses(received) == ([200] if closes else [200, 400])
    assert door.unread == ([] if closes else [(408, "request_timeout")])


AFTER_AN_ANSWER = {
    "nothing": (GET, b""),
    "an empty line": (GET, b"\r\n"),
    "the body of what was refused": (post()[:-5], post()[-5:]),
    "half of it": (post(b"a" * 100)[:-100], b"a" * 50),
}


@pytest.mark.parametrize("kind", AFTER_AN_ANSWER)
def test_what_begins_no_request_does_not_keep_a_connection_open(door, kind):
    first, then = AFTER_AN_ANSWER[kind]
    times = {"receive_seconds": RECEIVE_SECONDS, "timeout_keep_alive": KEEP_ALIVE_SECONDS}
    with (
        served(door, **times) as port,
        socket.create_connection(("127.0.0.1", port), timeout=3 * KEEP_ALIVE_SECONDS) as connection,
    ):
        connection.sendall(first)
        receive(connection, 1)
        connection.sendall(then)
        assert connection.recv(1) == b""


@pytest.fixture
def lost(monkeypatch):
    """Set when a connection is over."""
    lost = threading.Event()
    lose = BoundedHttpProtocol.connection_lost

    def connection_lost(self, exc):
        lose(self, exc)
        lost.set()

    monkeypatch.setattr(BoundedHttpProtocol, "connection_lost", connection_lost)
    return lost


LARGE = GET.replace(b"/", b"/large", 1)


@pytest.mark.parametrize("sent", [LARGE, closing(LARGE), LARGE * 20], ids=["open", "close", "many"])
def test_who_takes_nothing_of_its_answers_is_hung_up_on(door, lost, caplog, sent):
    times = {"stall_seconds": 0.5, "timeout_keep_alive": KEEP_ALIVE_SECONDS}
    with (
        served(door, **times) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        connection.sendall(sent)
        assert lost.wait(5)
    assert caplog.records == []


@pytest.mark.parametrize("sent", [LARGE, closing(LARGE)], ids=["open", "close"])
def test_who_takes_its_answer_slowly_is_waited_for(door, sent):
    times = {"stall_seconds": KEEP_ALIVE_SECONDS, "timeout_keep_alive": KEEP_ALIVE_SECONDS}
    received = 0
    with (
        served(door, **times) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        connection.sendall(sent)
        while part := connection.recv(LARGE_BYTES // 16, socket.MSG_WAITALL):
            received += len(part)
            time.sleep(0.2)
    assert received > LARGE_BYTES


class CountsATurn(RefusesPosts):
    """Counts refusals between two turns of the event loop."""

    def __init__(self):
        super().__init__()
        self.this_turn = self.most = 0

    def turn_away(self, scope, keep_alive, is_patient):
        if self.this_turn == 0:
            scope["extensions"]["albert.connection"].loop.call_soon(self.turn)
        self.this_turn += 1
        self.most = max(self.most, self.this_turn)
        return super().turn_away(scope, keep_alive, is_patient)

    def turn(self):
        self.this_turn = 0


def test_what_is_sent_at_once_does_not_keep_others_waiting():
    door, request = CountsATurn(), post(b"")
    with served(door) as port:
        assert statuses(exchange(port, request * MANY, MANY)) == [429] * MANY
    a_turn = SLICES_A_TURN * (SLICE_BYTES // len(request) + 1)
    assert door.most <= 2 * a_turn  # the end of one read, and the beginning of the next


def test_few_of_what_is_sent_at_once_wait_as_requests(door, monkeypatch):
    most = 0
    parse = BoundedHttpProtocol._parse

    def counts(self, data):
        nonlocal most
        parse(self, data)
        most = max(most, len(self.pipeline))

    monkeypatch.setattr(BoundedHttpProtocol, "_parse", counts)
    handled.clear()
    paths = [f"/{number}" for number in range(MANY)]
    requests = b"".join(GET.replace(b"/", path.encode(), 1) for path in paths)
    with served(door) as port:
        received = exchange(port, SLOW + requests, 1 + MANY)
    assert statuses(received) == [200] * (1 + MANY)
    assert handled == ["/slow", *paths]
    assert most < MOST_WAITING + SLICE_BYTES // len(GET) + 1


def test_what_is_kept_is_answered_though_the_caller_sends_no_more(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(SLOW + GET * MANY)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert statuses(received) == [200] * (1 + MANY)


def test_refusals_go_on_when_a_large_read_ends_within_a_request(port):
    request = post(b"a" * 1000)
    sent = request * 500
    received = exchange(port, sent[:-700], 500)
    assert received == REFUSAL * 500
