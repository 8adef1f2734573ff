"""Writes an answer to the wire, without an object in between."""

import asyncio

from starlette.types import Send

Headers = list[tuple[bytes, bytes]]

STALL_SECONDS = 300.0
"""A caller that takes nothing of what is written to it for so long is given up."""


async def send_json(send: Send, body: bytes, headers: Headers) -> None:
    """Answer 200 with ``body``, which is JSON, and ``headers`` beside those that describe it."""
    await send_body(send, body, b"application/json", headers)


async def send_body(send: Send, body: bytes, media_type: bytes, headers: Headers) -> None:
    """The same for a body of any media type."""
    described = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", media_type),
        *headers,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": described})
    await send({"type": "http.response.body", "body": body})


class AnswerStalledError(Exception):
    """The caller took nothing of its answer for too long."""


class StreamedAnswer:
    """An answer 200 that is written piece by piece, as fast as the caller reads it. It starts with
    the first piece, so that until then an error can still be one.
    """

    def __init__(self, send: Send, headers: Headers, stall_seconds: float = STALL_SECONDS) -> None:
        self._send = send
        self._headers = headers
        self._stall_seconds = stall_seconds
        self.has_started = False

    async def write(self, piece: bytes) -> None:
        """Write ``piece`` when what was written before has been taken. Raises AnswerStalledError
        where that does not happen.
        """
        await self._write(piece, more=True)

    async def finish(self, piece: bytes = b"") -> None:
        """Write ``piece``, and that it was the last one."""
        await self._write(piece, more=False)

    async def _write(self, piece: bytes, *, more: bool) -> None:
        try:
            async with asyncio.timeout(self._stall_seconds):
                if not self.has_started:
                    self.has_started = True
                    await self._send(
                        {"type": "http.response.start", "status": 200, "headers": self._headers}
                    )
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError as error:
            raise AnswerStalledError(
                f"The caller took nothing of its answer for {self._stall_seconds:g} s."
            ) from error
