"""Reads a request body within its limits: bytes, time, media type."""

import asyncio
from collections.abc import Collection, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from service.api.problems import ProblemError

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


async def read_json_body(
    headers: Mapping[bytes, bytes],
    receive: Receive,
    *,
    is_whole: bool,
    max_bytes: int,
    timeout_seconds: float,
) -> bytes:
    """The whole body of a JSON request; see ``read_body``."""
    return await read_body(
        headers,
        receive,
        media_types=(JSON,),
        is_whole=is_whole,
        max_bytes=max_bytes,
        timeout_seconds=timeout_seconds,
    )


async def read_body(
    headers: Mapping[bytes, bytes],
    receive: Receive,
    *,
    media_types: Collection[bytes],
    is_whole: bool,
    max_bytes: int,
    timeout_seconds: float,
) -> bytes:
    """The whole body of a request of one of ``media_types``, which are JSON and perhaps ``OCTETS``.
    ``is_whole`` says that it has arrived already, so that no clock is needed.

    Raises ProblemError: 415 for another media type or an encoding, 501 for a transfer coding, 413
    as soon as the body is found to be larger than ``max_bytes``, 408 when it has not arrived within
    ``timeout_seconds``; ClientDisconnect when the caller left.
    """
    _check_media_type(headers, media_types)
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    if is_whole:
        return await _read(receive, max_bytes)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read(receive, max_bytes)
    except TimeoutError as error:
        raise ProblemError(
            408,
            "receive_timeout",
            f"The request did not arrive whole within {timeout_seconds:g} s.",
            headers={"Connection": "close"},
        ) from error


async def _read(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunk if len(chunks) == 1 else b"".join(chunks)


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
    charset = parameters.partition(b"charset=")[2].partition(b";")[0].strip().strip(b'"').lower()
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
