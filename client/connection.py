"""One HTTP/1.1 exchange in which the answer is read while the request is sent.

Clients that send a body whole before they read cannot ask the bulk routes for more than their
sockets hold.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11

from client.errors import AskError

CONNECT_SECONDS = 10.0
READ_BYTES = 65_536

LOOK_SECONDS = 0.5
"""How often somebody who waits looks for how long."""


class Exchange:
    """A POST to ``url``, in an ``async with`` block. What it meets is raised as AskError, so is a
    service that says nothing for ``silence_seconds`` while it owes something: when the body is
    whole, or ``is_waiting`` says so.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        silence_seconds: float,
        is_waiting: Callable[[], bool] = lambda: True,
    ) -> None:
        self._silence_seconds = silence_seconds
        self._is_waiting = is_waiting
        self._is_whole = False
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AskError(f"{url!r} is no address of a service, such as http://127.0.0.1:8000.")
        try:
            self._port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise AskError(f"The port of {url!r} is no number up to 65535.") from error
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._request = h11.Request(
            method="POST",
            target=parts.path + (f"?{parts.query}" if parts.query else ""),
            headers=[
                ("Host", parts.netloc.rpartition("@")[2]),
                ("Accept", "*/*"),
                ("Transfer-Encoding", "chunked"),
                *headers.items(),
            ],
        )
        self._http = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._reader, self._writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            raise AskError(
                f"There is no service at {self._origin} ({_reason(error)}). "
                "Start one with albert-serve, or name it with --url."
            ) from error
        await self._send(self._request)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._writer.transport.abort()  # what was not sent would be waited for
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, content: bytes) -> None:
        """Send a part of the body, as soon as the service takes it."""
        await self._send(h11.Data(data=content))

    async def finish(self) -> None:
        """Say that the body is whole."""
        self._is_whole = True
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        content = self._http.send(event)
        if content:
            self._writer.write(content)
        try:
            await self._writer.drain()
        except OSError as error:
            raise _broken_off(self._origin) from error

    async def response(self) -> h11.Response:
        """The header of the answer."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise _broken_off(self._origin)

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the answer's body. Raises AskError where it breaks off."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise _broken_off(self._origin)

    async def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._read())
        except (OSError, h11.RemoteProtocolError) as error:
            raise _broken_off(self._origin) from error
        return event

    async def _read(self) -> bytes:
        silent_since, unsent = time.monotonic(), self._unsent_bytes
        while True:
            try:
                async with asyncio.timeout(min(LOOK_SECONDS, self._silence_seconds)):
                    return await self._reader.read(READ_BYTES)
            except TimeoutError as error:
                if error.errno is not None:  # the connection's own
                    raise
            if not (self._is_whole or self._is_waiting()) or unsent != self._unsent_bytes:
                silent_since, unsent = time.monotonic(), self._unsent_bytes
            elif time.monotonic() - silent_since >= self._silence_seconds:
                raise AskError(
                    f"The service at {self._origin} has said nothing for "
                    f"{self._silence_seconds:g} s; --timeout gives it more time."
                )

    @property
    def _unsent_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size()


def _reason(error: OSError) -> str:
    """In the system's words, without asyncio's."""
    if isinstance(error, TimeoutError):
        return f"nothing came back in {CONNECT_SECONDS:g} s"
    if isinstance(error, socket.gaierror | ssl.SSLError) or error.errno is None:
        return (error.strerror or str(error)).strip().rstrip(".")
    return os.strerror(error.errno)


def _broken_off(origin: str) -> AskError:
    return AskError(f"The service at {origin} broke its answer off.")
