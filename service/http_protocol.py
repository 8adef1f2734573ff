"""uvicorn's HTTP/1.1 protocol, with a door, with word for the application when the caller hangs up,
with a bound on the time for which answers are not taken, and with errors of ours.

Of a caller that left uvicorn tells only who waits for the next message, which takes a task a
request. It waits for ever for one who takes no answers. What is no HTTP it answers as plain text,
before the requests that came ahead of it.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.hang_up import HangUp
from service.http_reading import MAX_HEADER_BYTES, Objection, ReadingProtocol
from service.http_stall import StallWatch

__all__ = ["CONNECTION", "MAX_HEADER_BYTES", "BoundedHttpProtocol", "Door"]

CONNECTION = "albert.connection"
"""The ASGI extension under which a request's scope holds its connection."""

STALL_SECONDS = 310.0
"""A caller that takes nothing of an answer for so long is hung up on: a little later than by an
application that writes it piece by piece (``service.api.answer``), and says so in the log.
"""


class Door(Protocol):
    """Who decides whether a request is let in; ``service.api.door`` has the meanings."""

    def turn_away(
        self, scope: HTTPScope, keep_alive: bool, is_patient: bool
    ) -> tuple[bytes, float | None] | None:
        """The whole answer to a request that is not let in, and the seconds that it says to wait
        for room, if it does; or None.
        """

    def turn_away_unparsed(self, data: bytes) -> tuple[bytes, float] | None:
        """The same of one whole request, as it was read from a connection that is between two, and
        that stays open; None where it is to be parsed.
        """

    def let_in(self, scope: HTTPScope, hand_over: Callable[[], bool]) -> None:
        """Have a request handed to the application, now or when its turn has come; False when that
        is not to be done any more.
        """

    def caller_left(self, scope: HTTPScope) -> bool:
        """Whether a request whose caller has hung up already is done with by this."""

    def unreadable(self, status: int, error_type: str, detail: str) -> bytes:
        """The whole answer to what is no request, or not within the bounds of one."""


class BoundedHttpProtocol(ReadingProtocol):
    """One connection.

    ``on_lost`` is called, once, when the caller has hung up: whoever answers a request sets it, and
    takes it away before the answer goes out. ``is_patient`` says whether the request being answered
    comes from a caller who was refused, and has waited.
    """

    stall_seconds = STALL_SECONDS
    door: Door

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_lost: Callable[[], None] | None = None
        self.is_patient = False
        self._wait_until = float("inf")
        self._lost = False
        self._hang_up: HangUp
        self._stall: StallWatch
        self._answered: RequestResponseCycle | None = None
        self._last_word: Objection | None = None
        self._idle_since: float | None = None

    def told_to_wait(self, seconds: float) -> None:
        """The caller was refused, and told to come back in so many seconds."""
        self._wait_until = self.loop.time() + seconds

    @property
    def is_lost(self) -> bool:
        """Whether the caller has hung up by now.

        The kernel is asked: the event loop hears of it only after it has handled all that it read
        together with the request.
        """
        if self._lost or self.transport.is_closing():
            return True
        return self._hang_up.has_happened()

    @property
    def request_is_whole(self) -> bool:
        """Whether all of the request being answered has arrived."""
        return self._answered is None or not self._answered.more_body

    def stream_request(self) -> None:
        """Let the request being answered take as long to arrive as the application takes to read
        it: the application minds the time.
        """
        if self._in_message and not self._in_header and self.cycle is self._answered:
            self._is_streamed = True
            self._stop_timer()

    def cut(self, *, at_once: bool = False) -> None:
        """Close the connection before the answer is whole, by which HTTP/1.1 shows the caller that
        it is not. What was written is sent first, except where the caller does not take it.
        """
        if self._answered is not None:
            self._answered.disconnected = True
        if at_once:
            self.transport.abort()
        else:
            self._close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Learn whom to ask whether the caller is there, and takes what it is sent."""
        super().connection_made(transport)
        self._hang_up = HangUp.of(transport.get_extra_info("socket").fileno())
        self._stall = StallWatch(self.loop, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and tell whoever is answering."""
        self._stall.stop()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)
        self._lost = True
        if self.on_lost is not None:
            self.on_lost()
        self._let_go()

    def _let_go(self) -> None:
        """Of all that refers back to this connection, which is over. Else it would stay, and two
        dozen objects with it, until the garbage collector finds them, for which everyone waits.
        Whoever is still answering writes to nobody.
        """
        if self._answered is not None:
            self._answered.disconnected = True
        self.pipeline.clear()
        self.on_lost = self.timeout_keep_alive_task = self._answered = None
        self.scope = self.headers = self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Refuse what was read, or have it parsed."""
        if self._is_deaf or (self._is_between_requests and self._turn_away_unparsed(data)):
            return
        super().data_received(data)

    @property
    def _is_between_requests(self) -> bool:
        """Whether all that was read has been answered, and the answers are being taken."""
        return (
            not self._in_message
            and (self.cycle is None or self.cycle.response_complete)
            and not (self.pipeline or self.flow.write_paused or self.transport.is_closing())
        )

    def _turn_away_unparsed(self, data: bytes) -> bool:
        """Refuse the request that ``data`` is, if there is nothing to find out about it."""
        if self.loop.time() >= self._wait_until:
            return False
        refused = self.door.turn_away_unparsed(data)
        if refused is None:
            return False
        answer, seconds = refused
        self._stop_timer()
        self.told_to_wait(seconds)
        self.transport.write(answer)
        self.on_response_complete()
        return True

    def on_message_begin(self) -> None:
        """A request begins, which is to know its connection."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]

    def on_response_complete(self) -> None:
        """Begin the next request, if there is one; else the connection is idle from now on.

        As uvicorn does, but for its timer, which it starts and stops with each request.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._stall.start(self.timeout_keep_alive)
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            if cycle.more_body:  # what is missing of it was not read meanwhile
                cycle.scope["state"]["started"] = time.monotonic()
            if self._in_message and not self.pipeline:
                self.flow.resume_reading()
            self._start_asgi_task(cycle, app)
            if self._in_message or self._kept is not None:
                self._read_on()
            return
        self.flow.resume_reading()
        if self._last_word is not None:
            self._say(self._last_word)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()
        if self._kept is not None:
            self._read_on()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for long enough; look again later if it was not, or
        while something is arriving, which has a clock of its own.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        seconds = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if seconds <= 0:
            if self._receive_timer is None:
                self._close()
                return
            seconds = self.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def _unset_keepalive_if_required(self) -> None:
        """Nothing: uvicorn calls with all that is read, whether anything begins with it or not."""

    def pause_writing(self) -> None:
        """More is written than the caller has taken: it has so much time to take some of it."""
        super().pause_writing()
        self._stall.start(self.stall_seconds)

    def resume_writing(self) -> None:
        """It has."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stall.stop()

    def _close(self) -> None:
        """Close the connection when the caller has taken what was written, or takes no more."""
        self.transport.close()
        self._stall.start(self.timeout_keep_alive)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer the request here and now, or let it in."""
        self._answered = cycle
        self._idle_since = None
        self.is_patient = self.loop.time() >= self._wait_until
        self._wait_until = float("inf")
        refused = None
        # Answers that a caller does not read must not pile up: who waits for room waits inside.
        if not self.flow.write_paused:
            refused = self.door.turn_away(cycle.scope, cycle.keep_alive, self.is_patient)
        if refused is None:
            self.door.let_in(cycle.scope, partial(self._hand_over, cycle, app))
            return
        if self.transport.is_closing():
            return
        answer, seconds = refused
        if seconds is not None:
            self.told_to_wait(seconds)
        self.transport.write(answer)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self._close()
        if self.pipeline:  # each starts the next one: not within this call
            self.loop.call_soon(self.on_response_complete)
        else:
            self.on_response_complete()

    def _hand_over(self, cycle: RequestResponseCycle, app: ASGI3Application) -> bool:
        """Hand the request to the application, unless its caller has hung up meanwhile."""
        if self.is_lost and self.door.caller_left(cycle.scope):
            self._close()
            return False
        if cycle.scope["http_version"] == "1.0":
            app = _without_chunks(app, cycle)
        super()._start_asgi_task(cycle, app)
        return True

    def _object(self, objection: Objection) -> None:
        """Answer in place of the application, and close; or after the answers that are owed, if
        whole requests came before.
        """
        if self.transport.is_closing():
            return
        self._is_deaf = True
        self._stop_timer()
        if self._in_message and self.cycle is not None and self.cycle.scope is self.scope:
            if self.cycle is self._answered:
                if self.cycle.response_started:
                    self._close()
                else:
                    self._say(objection)
                return
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answered  # type: ignore[assignment]
        if self.pipeline or not (self._answered is None or self._answered.response_complete):
            self._last_word = objection
            self.flow.resume_reading()  # and throw it away: a caller that hangs up is to be noticed
        else:
            self._say(objection)

    def _say(self, objection: Objection) -> None:
        self.transport.write(
            self.door.unreadable(objection.status, objection.error_type, objection.detail)
        )
        self._close()


def _without_chunks(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """``app`` for a caller of HTTP/1.0, who knows no chunks (RFC 9112, 6.1): an answer of unknown
    length ends with the connection, which uvicorn closes behind it. It would send chunks.
    """

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        is_counted = True

        async def send_uncounted(message: ASGISendEvent) -> None:
            nonlocal is_counted
            if message["type"] == "http.response.start":
                is_counted = b"content-length" in dict(message.get("headers", []))
                if not is_counted:
                    cycle.chunked_encoding = False
            elif message["type"] == "http.response.body" and not is_counted:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_uncounted)

    return answer
