"""Keep-alive connections that carry requests, as many as there are requests on their way."""

import asyncio
import contextlib
from typing import Any, Protocol

import httptools


class Exchange(Protocol):
    """One request on its way."""

    content: bytes
    """The request as it is written."""

    def written(self) -> None:
        """It was sent just now."""

    def settle(self, status: int, retry_after: float | None = None, tokens: int = 0) -> None:
        """It is over: what its answer says, or 0 when there is none."""


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one exchange."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._retry_after: float | None = None
        self._tokens = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport to write to."""
        self.transport = transport

    def carry(self, exchange: Exchange) -> None:
        """Send a request; the connection must be idle."""
        self._exchange, self._retry_after, self._tokens = exchange, None, 0
        self.transport.write(exchange.content)
        exchange.written()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is asked for later."""
        match name.lower():
            case b"retry-after":
                self._retry_after = float(value)
            case b"x-tokens":
                self._tokens = int(value)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        exchange, self._exchange = self._exchange, None
        if self._parser.should_keep_alive():
            self._pool.idle.append(self)
        else:
            self.transport.close()
        if exchange is not None:
            exchange.settle(self._parser.get_status_code(), self._retry_after, self._tokens)

    def connection_lost(self, exc: Exception | None) -> None:
        """The service hung up: an exchange on its way has no answer."""
        if self in self._pool.idle:
            self._pool.idle.remove(self)
        self._pool.open.discard(self)
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.settle(0)


class Pool:
    """Keep-alive connections: the one that was used last is used next, and a new one is opened when
    none is idle.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._opening: set[asyncio.Task[None]] = set()
        self.idle: list[Connection] = []
        self.open: set[Connection] = set()

    def send(self, exchange: Exchange) -> None:
        """Send over an idle connection, or over a new one as soon as it is open."""
        if self.idle:
            self.idle.pop().carry(exchange)
        else:
            self._start(self._carry_over_new(exchange))

    def send_and_leave(self, exchange: Exchange) -> None:
        """Open a connection, send, and close it."""
        self._start(self._leave(exchange))

    def close(self) -> None:
        """Cut everything."""
        for task in self._opening:
            task.cancel()
        for connection in list(self.open):
            connection.transport.abort()

    def _start(self, opening: Any) -> None:
        task = asyncio.ensure_future(opening)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self), self._host, self._port
        )
        self.open.add(connection)
        return connection

    async def _carry_over_new(self, exchange: Exchange) -> None:
        try:
            connection = await self._connect()
        except OSError:
            exchange.settle(0)
        else:
            connection.carry(exchange)

    async def _leave(self, exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            connection = await self._connect()
            connection.transport.write(exchange.content)
            exchange.written()
            connection.transport.close()
        exchange.settle(0)
