"""The service's HTTP protocol with a door and an application that have nothing behind them, and who
talks to it over a real socket.
"""

import asyncio
import re
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from service.http_protocol import (
    CONNECTION,
    MAX_HEADER_BYTES,
    STALL_SECONDS,
    BoundedHttpProtocol,
)
from service.plain_request import plain_path

UNREADABLE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\nconnection: close\r\n\r\n???"
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno"
MANY = 3000
"""More than would fit on the stack if each refusal began the next one."""

KEEP_ALIVE_SECONDS = 1
SLOW_SECONDS = 1.5 * KEEP_ALIVE_SECONDS
LARGE_BYTES = 32 << 20
"""More than the sockets between the two hold."""

handled = []
"""Paths of the requests that the application was given."""
loop_stands, loop_may_go_on = threading.Event(), threading.Event()


class RefusesPosts:
    """A door that lets nobody in but those who ask with GET, for /left, or have waited."""

    def __init__(self):
        self.came_in = 0
        self.left = []
        self.unread = []
        self.told_seconds = 600.0

    def let_in(self, scope, hand_over):
        self.came_in += hand_over()

    def caller_left(self, scope):
        self.left.append((scope["method"], scope["path"]))
        return scope["method"] == "POST"

    def turn_away(self, scope, keep_alive, is_patient):
        if scope["method"] == "GET" or scope["path"] == "/left" or is_patient:
            return None
        return REFUSAL, self.told_seconds

    def turn_away_unparsed(self, data):
        return None

    def unreadable(self, status, error_type, detail):
        self.unread.append((status, error_type))
        return UNREADABLE


class RefusesUnparsed(RefusesPosts):
    """The same, and does not have all of them parsed."""

    def __init__(self):
        super().__init__()
        self.unparsed = 0

    def turn_away_unparsed(self, data):
        if plain_path(data, MAX_HEADER_BYTES) in (None, "/left"):
            return None
        self.unparsed += 1
        return REFUSAL, self.told_seconds


async def whole_of(receive):
    body, is_last = b"", False
    while not is_last:
        message = await receive()
        body += message.get("body", b"")
        is_last = not message.get("more_body", False)
    return body


async def app(scope, receive, send):
    handled.append(scope["path"])
    if scope["path"] == "/pause":
        loop_stands.set()
        loop_may_go_on.wait(30)
    body = b"patient" if scope["extensions"][CONNECTION].is_patient else b"new"
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_SECONDS)
    if scope["path"] == "/echo":
        body = await whole_of(receive) + body
    if scope["path"] == "/names":
        body = b",".join(name for name, _ in scope["headers"]) + body
    if scope["path"] == "/large":
        body = b" " * LARGE_BYTES + body
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(door, *, receive_seconds=10.0, stall_seconds=STALL_SECONDS, **options):
    times = {"receive_seconds": receive_seconds, "stall_seconds": stall_seconds}
    protocol = type("Protocol", (BoundedHttpProtocol,), {"door": door, **times})
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None, **options)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)


def post(body=b"words", path=b"/", **headers):
    lines = [b"POST %b HTTP/1.1" % path, b"Host: a", b"Content-Length: %d" % len(body)]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)]


def exchange(port, sent, count):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        return receive(connection, count)


def receive(connection, count):
    received = b""
    while len(statuses(received)) < count or not received.endswith((b"no", b"new", b"patient")):
        part = connection.recv(1 << 16)
        assert part, received[-500:]
        received += part
    return received


def received_until_closed(port, sent):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    return received
