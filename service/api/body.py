"""Reads request bodies within their limits: bytes, time, media type."""

import asyncio
import math
import time
from collections.abc import Collection, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from service.api.problems import RETRY_AFTER, ProblemError
from service.scheduling.errors import DeadlineExceededError

JSON = b"application/json"
OCTETS = b"application/octet-stream"
CHUNKED = b"chunked"
NDJSON = (
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonl",
    b"application/x-jsonlines",
    b"application/jsonlines",
)
"""Names that lines of JSON go by; none is registered."""


FREE_BYTES = 64 * 1024
"""Of each body that is on its way: as much is read of all of them, however many they are."""

MOST_BODIES = 64
"""Of the largest size that may be on their way at once, what is free not counted."""

RETRY_SECONDS = 1


class BodyReader:
    """Reads bodies of at most ``max_bytes`` that arrive within ``seconds``. What has arrived of all
    bodies that are not whole yet is bounded, for callers may send most of a body and stop.

    One for all routes. Lives on the event loop.
    """

    def __init__(self, max_bytes: int, seconds: float) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._room = MOST_BODIES * max_bytes

    async def read(
        self,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        started: float,
        *,
        is_whole: bool,
        deadline: float = math.inf,
        media_types: Collection[bytes] = (JSON,),
    ) -> bytes:
        """The whole body of a request of one of ``media_types``, which are JSON and perhaps
        ``OCTETS``. The time counts from ``started``; nobody waits any more at ``deadline``; both in
        monotonic seconds. ``is_whole`` says that it has arrived already, so that no clock is
        needed.

        Raises ProblemError: 415 for another media type or an encoding, 501 for a transfer coding,
        413 as soon as the body is found to be larger than allowed, 408 when it has not arrived in
        time, 429 when too much of other bodies is on its way; DeadlineExceededError when the
        deadline comes first; ClientDisconnect when the caller left.
        """
        _check_media_type(headers, media_types)
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise _too_large(self._max_bytes)
        if is_whole:
            return await self._read(receive)
        try:
            end = min(started + self._seconds, deadline)
            async with asyncio.timeout(end - time.monotonic()):
                return await self._read(receive)
        except TimeoutError as error:
            if end == deadline:
                raise DeadlineExceededError(
                    "The deadline passed before the request was there."
                ) from error
            raise ProblemError(
                408,
                "receive_timeout",
                f"The request's body did not arrive whole within {self._seconds:g} s.",
                headers={"Connection": "close"},
            ) from error

    async def _read(self, receive: Receive) -> bytes:
        first, is_last = await _receive(receive)
        if len(first) > self._max_bytes:
            raise _too_large(self._max_bytes)
        if is_last:
            return first
        body = bytearray(first)
        counted = 0
        try:
            while not is_last:
                more = max(0, len(body) - FREE_BYTES) - counted
                if more > self._room:
                    raise _too_many()
                self._room -= more
                counted += more
                piece, is_last = await _receive(receive)
                if len(body) + len(piece) > self._max_bytes:
                    raise _too_large(self._max_bytes)
                body += piece
            return bytes(body)
        finally:
            self._room += counted


async def _receive(receive: Receive) -> tuple[bytes, bool]:
    """The next piece, and whether it is the last."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), not message.get("more_body", False)


def _too_many() -> ProblemError:
    return ProblemError(
        429,
        "overloaded",
        f"As many large bodies are on their way as the service takes; try again in {RETRY_SECONDS} "
        "s.",
        headers={RETRY_AFTER: str(RETRY_SECONDS)},
    )


def _too_large(max_bytes: int) -> ProblemError:
    return ProblemError(
        413, "body_too_large", f"The body is larger than the {max_bytes} bytes that are allowed."
    )


def check_ndjson(headers: Mapping[bytes, bytes]) -> None:
    """Raise ProblemError, 415 or 501, for a body that is sent as anything but lines of JSON."""
    _check_encoding(headers)
    media_type, _, parameters = headers.get(b"content-type", NDJSON[0]).partition(b";")
    if media_type.strip().lower() not in NDJSON:
        raise ProblemError(
            415,
            "content_type",
            "The body must be lines of JSON: send it with the header "
            "Content-Type: application/x-ndjson.",
        )
    _check_charset(parameters)


def _check_encoding(headers: Mapping[bytes, bytes]) -> None:
    coding = headers.get(b"transfer-encoding", CHUNKED)
    if coding != CHUNKED and coding.strip().lower() != CHUNKED:  # RFC 9112, 6.1
        raise ProblemError(
            501,
            "transfer_encoding",
            "The body must be sent with no Transfer-Encoding but chunked.",
        )
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in (b"", b"identity"):
        raise ProblemError(
            415,
            "content_encoding",
            "The body must be sent without a Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def _check_charset(parameters: bytes) -> None:
    charset = parameters.lower().partition(b"charset=")[2].partition(b";")[0].strip().strip(b'"')
    if charset not in (b"", b"utf-8", b"utf8", b"us-ascii"):
        raise ProblemError(
            415, "content_type", "JSON is always UTF-8 (RFC 8259); no other charset is taken."
        )


def _check_media_type(headers: Mapping[bytes, bytes], allowed: Collection[bytes]) -> None:
    _check_encoding(headers)
    # No Content-Type leaves the guess to us (RFC 9110, 8.3), and ours is JSON.
    content_type = headers.get(b"content-type", JSON)
    if content_type in allowed:
        return
    media_type, _, parameters = content_type.partition(b";")
    media_type = media_type.strip().lower()
    if media_type not in allowed and not media_type.endswith(b"+json"):
        raise ProblemError(
            415,
            "content_type",
            "The body must be JSON: send it with the header Content-Type: application/json.",
        )
    _check_charset(parameters)
