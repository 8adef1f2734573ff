"""Reads a request body within its limits: bytes, time, media type."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from service.api.problems import ProblemError


async def read_json_body(request: Request, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body of a JSON request.

    Raises ProblemError: 415 for another media type or an encoding, 413 as soon as the body is found
    to be larger than ``max_bytes``, 408 when it has not arrived within ``timeout_seconds``;
    ClientDisconnect when the caller left.
    """
    _check_media_type(request)
    too_large = ProblemError(
        413, "body_too_large", f"The body is larger than the {max_bytes} bytes that are allowed."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise ProblemError(
            408,
            "receive_timeout",
            f"The request did not arrive whole within {timeout_seconds:g} s.",
            headers={"Connection": "close"},
        ) from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_media_type(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ProblemError(
            415,
            "content_encoding",
            "The body must be sent without a Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    # No Content-Type leaves the guess to us (RFC 9110, 8.3), and ours is JSON.
    content_type = request.headers.get("content-type", "application/json")
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise ProblemError(
            415,
            "content_type",
            "The body must be JSON: send it with the header Content-Type: application/json.",
        )
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"').lower()
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise ProblemError(
            415, "content_type", "JSON is always UTF-8 (RFC 8259); no other charset is taken."
        )


async def caller_left(request: Request) -> None:
    """Return when the caller closes the connection. To be called once the body has been read."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


__all__ = ["ClientDisconnect", "caller_left", "read_json_body"]
