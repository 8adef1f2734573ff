"""The reading half of a connection: requests are parsed a slice at a time, each within bounds of
its size and of the time in which it must arrive.

uvicorn bounds none of these: it parses all that was read before it answers anything, collects
headers and trailers of any size, waits for a request that never ends, and takes the body of one
that asks for another protocol for the next request.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
"""Of a header, and of what follows the last piece of a body. Counted by the slice: up to two more
may pass."""

MOST_FIELDS = 1000
"""In a header."""

SLICE_BYTES = 2048
"""Parsed before it is looked at how many requests wait: a hundred of the shortest."""

MOST_WAITING = 32
"""Requests behind the one that is answered, from which on what was read is kept as it is."""

SLICES_A_TURN = 2
"""In which requests begin, before others have their turn: a refusal takes some 20 us."""

BODY_GRACE_SECONDS = 1.0
"""The application answers 408 for a late body first; the connection is cut this much later if that
did not end it.
"""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why something is not taken for a request, as the problem says it."""

    status: int
    error_type: str
    detail: str


MALFORMED = Objection(
    400,
    "malformed_request",
    "This is not a valid HTTP/1.1 request: its first line, its header or the framing of its body "
    "is malformed.",
)
TOO_LARGE = Objection(
    431,
    "request_header_fields_too_large",
    f"The request header is larger than {MAX_HEADER_BYTES} bytes, or has more than {MOST_FIELDS} "
    "fields.",
)


class ObjectionError(Exception):
    """Carries an objection through the parser."""


class Flow(FlowControl):
    """Reading goes on when neither uvicorn nor we have a reason to pause it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = self._is_paused = False

    def pause_reading(self) -> None:
        """As uvicorn does."""
        self._is_paused = True
        if not self.read_paused:
            super().pause_reading()

    def resume_reading(self) -> None:
        """The same, while we do not hold it."""
        self._is_paused = False
        if self.read_paused and not self._is_held:
            super().resume_reading()

    def hold_reading(self) -> None:
        """Read nothing, whatever uvicorn says."""
        self._is_held = True
        super().pause_reading()

    def release_reading(self) -> None:
        """Leave it to uvicorn again."""
        self._is_held = False
        if not self._is_paused:
            super().resume_reading()


class ReadingProtocol(HttpToolsProtocol):
    """What is read of one connection. Whoever answers says what becomes of an objection."""

    receive_seconds = 10.0
    flow: Flow

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_header = True
        self._in_message = False
        self._is_streamed = False
        self._is_deaf = False
        self._bytes_without_end = 0
        self._header_again: bytes | None = None
        self._kept: memoryview | None = None
        self._will_parse_on = False
        self._receive_timer: asyncio.TimerHandle | None = None

    def _object(self, objection: Objection) -> None:
        """Deal with what is no request, or not within the bounds of one: the newest that began, if
        one is not whole; else what follows the last. No more is parsed.
        """
        raise NotImplementedError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: an open connection owes us a request."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock, and forget what was not parsed."""
        self._stop_timer()
        self._kept = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what was read, or as much of it as there are not too many requests in."""
        if len(data) <= SLICE_BYTES and len(self.pipeline) < MOST_WAITING:
            self._parse(data)
            self._await_rest()
        else:
            self._kept = memoryview(data)
            self._parse_on()

    def _parse_on(self) -> None:
        """Parse what is kept, until enough requests wait or it is others' turn. Nothing is read
        meanwhile.
        """
        self._will_parse_on = True
        crowded = 0
        while self._kept and not (self._is_deaf or self.transport.is_closing()):
            if len(self.pipeline) >= MOST_WAITING:
                self.flow.hold_reading()
                self._will_parse_on = False
                return
            if crowded == SLICES_A_TURN:
                self.flow.hold_reading()
                self.loop.call_soon(self._parse_on)
                return
            newest = self.scope
            data, self._kept = self._kept[:SLICE_BYTES], self._kept[SLICE_BYTES:]
            self._parse(data)
            crowded += self.scope is not newest
        self._kept = None
        self._will_parse_on = False
        if not self.transport.is_closing():
            self.flow.release_reading()
            self._await_rest()

    def _read_on(self) -> None:
        """A request less waits."""
        if self._kept is None:
            self._await_rest()
        elif not self._will_parse_on and len(self.pipeline) <= MOST_WAITING // 2:
            self._will_parse_on = True
            self.loop.call_soon(self._parse_on)

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse a slice, or object to it."""
        self._bytes_without_end += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parse_again(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            found = error.__context__
            self._object(found.args[0] if isinstance(found, ObjectionError) else MALFORMED)
        else:
            if self._in_message and (
                self._bytes_without_end > MAX_HEADER_BYTES or len(self.headers) > MOST_FIELDS
            ):
                self._object(TOO_LARGE)

    def _parse_again(self, following: bytes | memoryview) -> None:
        """Parse a request once more that asks for another protocol, now that it does not, and what
        follows its header.

        We speak HTTP/1.1 alone, and may ignore the field Upgrade (RFC 9110, 7.8). The parser does
        not: with the header, it says, HTTP ends, and after Connection: close all does.
        """
        header, self._header_again = self._header_again, None
        assert header is not None
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._parse(header)
        if following and not self._is_deaf:
            self._parse(following)

    def on_message_begin(self) -> None:
        """A request begins, and its time with it."""
        self._in_header = self._in_message = True
        self._is_streamed = False
        self._bytes_without_end = 0
        self._stop_timer()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the header; one behind the body says nothing (RFC 9110, 6.5.1)."""
        if self._in_header:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The header is whole: from here the time counts that an answer takes."""
        if len(self.headers) > MOST_FIELDS:
            raise ObjectionError(TOO_LARGE)
        if self.parser.should_upgrade():
            self._header_again = self._header_without_upgrade()
            return
        if not self.url.startswith(b"/"):
            self.url = _with_path(self.url)
        if self.expect_100_continue and self.parser.get_http_version() != "1.1":
            self.expect_100_continue = False  # RFC 9110, 10.1.1
        self._in_header = False
        self._bytes_without_end = 0
        self.scope["state"]["started"] = time.monotonic()
        super().on_headers_complete()
        if self.pipeline:
            self._stop_timer()

    def _header_without_upgrade(self) -> bytes:
        method = self.parser.get_method()
        if method == b"CONNECT":  # asks for it by its name, and what follows is never a body
            raise ObjectionError(MALFORMED)
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, as uvicorn does, unless the answer is there already."""
        self._bytes_without_end = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole. Reading, which a large body pauses, goes on: a caller that hangs up
        is to be noticed.
        """
        if self._header_again is not None:
            return
        self._in_header, self._in_message = True, False
        self._stop_timer()
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        if not self.pipeline:
            self.flow.resume_reading()

    def _await_rest(self) -> None:
        """Start the clock for what has not arrived whole at once, unless we do not read it: while
        it is behind others.
        """
        if (
            self._in_message
            and self._receive_timer is None
            and not (self._is_streamed or self._is_deaf or self.pipeline)
        ):
            self._start_timer()

    def _start_timer(self) -> None:
        self._receive_timer = self.loop.call_later(self.receive_seconds, self._request_is_late)

    def _stop_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _request_is_late(self) -> None:
        if not self._in_header:
            self._receive_timer = self.loop.call_later(BODY_GRACE_SECONDS, self._close)
        elif self._in_message:
            self._object(
                Objection(
                    408,
                    "request_timeout",
                    f"The request's header did not arrive whole within {self.receive_seconds:g} s.",
                )
            )
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()


def _with_path(url: bytes) -> bytes:
    """The target of a request in absolute form with a path: where there is none it is / (RFC 9112,
    3.2.1).
    """
    parsed = httptools.parse_url(url)
    if parsed.host is None or parsed.path is not None:
        return url
    return b"/" if parsed.query is None else b"/?" + parsed.query
