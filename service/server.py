"""uvicorn, with a shutdown that finishes what was admitted while it already tells everyone to go
elsewhere.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import FrameType

import structlog
import uvicorn

from service.http_protocol import BoundedHttpProtocol, Door
from service.lifecycle import Lifecycle, Phase

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 65
"""Longer than the 60 s after which common load balancers drop an idle connection, so that they
close it, not we.
"""

LISTEN_GRACE_SECONDS = 0.2
"""After the last answer the port stays open this long, so that a request already on its way is
answered 503, not reset.
"""

CLOSE_SECONDS = 3
"""For connections to close after the drain; whatever is left then is cut."""

ACCEPTORS = 16
"""Connections that are accepted between two looks at the sockets. libuv accepts one for each
listening socket (libuv pull request 3696), which is too few where hundreds of callers come at once
and each look is followed by requests to read. So the socket is listened on as often.
"""

DATE_SECONDS = 1.0
"""How often the time in the header Date of answers is set."""


SIGNALLED = 128
"""With the number of a signal, the exit status of what it ended, as shells have it."""


class End(Enum):
    """How serving ended."""

    STOPPED = "stopped"
    NOT_LISTENING = "not listening"
    START_FAILED = "start failed"


class DrainingServer(uvicorn.Server):
    """On SIGTERM or SIGINT: ready turns to 503, admitted requests finish, then the port closes. A
    second signal ends it at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        lifecycle: Lifecycle,
        drain_seconds: float,
        on_listening: Callable[[int], asyncio.Future[None]],
        abandon: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds
        self._on_listening = on_listening
        self._abandon = abandon
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.start_failed = False

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Open the port."""
        self._loop = asyncio.get_running_loop()
        await super().startup(None)
        if self.started:
            await self._add_acceptors(self._loop)
            port = self.servers[0].sockets[0].getsockname()[1]
            self._on_listening(port).add_done_callback(self._start_ended)

    def _start_ended(self, start: asyncio.Future[None]) -> None:
        """A service that cannot start any more ends, so that whoever started it may try again."""
        if not start.cancelled() and (error := start.exception()) is not None:
            log.error("the start failed", exc_info=error)
            self.start_failed = True
            self._stop()

    async def _add_acceptors(self, loop: asyncio.AbstractEventLoop) -> None:
        for listener in list(self.servers[0].sockets):
            for _ in range(ACCEPTORS - 1):
                again = socket.socket(fileno=os.dup(listener.fileno()))
                self.servers.append(
                    await loop.create_server(
                        self._protocol, sock=again, backlog=self.config.backlog
                    )
                )

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        return protocol

    async def main_loop(self) -> None:
        """Wait for the stop. uvicorn's own looks ten times a second whether it has come, which
        wakes an idle core; the header Date needs to be told the time once a second.
        """
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), DATE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal; uvicorn's own stops listening at once and dies of the signal in the
        end.

        Nothing that Python does at its end is waited for at the second one: it would join threads
        in which a run, or the loading of a model, goes on.
        """
        if self._lifecycle.phase is Phase.DRAINING:
            os._exit(SIGNALLED + sig)
        self._lifecycle.drain()
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._start_draining)

    def _start_draining(self) -> None:
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        log.info("draining", seconds=self._drain_seconds)
        self._lifecycle.drain_began()
        try:
            await asyncio.wait_for(self._lifecycle.idle(), self._drain_seconds)
        except TimeoutError:
            log.warning("the drain time is over; what is left is refused")
            self._abandon()
        await asyncio.sleep(LISTEN_GRACE_SECONDS)
        self._stop()

    def _stop(self) -> None:
        self.should_exit = True
        self._stopping.set()


def serve(
    app: object,
    lifecycle: Lifecycle,
    door: Door,
    *,
    host: str,
    port: int,
    receive_seconds: float,
    drain_seconds: float,
    on_listening: Callable[[int], asyncio.Future[None]],
    abandon: Callable[[], None],
) -> End:
    """Serve until a signal, or until the start has failed.

    ``on_listening`` gets the port, and gives what ends with the start. ``abandon`` is called when
    the drain time is over before all that was admitted is answered; it must have the rest refused
    at once.
    """
    protocol = type(
        "Protocol", (BoundedHttpProtocol,), {"receive_seconds": receive_seconds, "door": door}
    )
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=protocol,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a caller is who is at the other end, not who it says it is
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CLOSE_SECONDS,
        ws="none",
    )
    server = DrainingServer(config, lifecycle, drain_seconds, on_listening, abandon)
    try:
        server.run()
    except SystemExit:  # uvicorn's way of saying that the port is taken; it has logged why
        return End.NOT_LISTENING
    return End.START_FAILED if server.start_failed else End.STOPPED
