"""Writes an answer to the wire, without an object in between."""

from starlette.types import Send

Headers = list[tuple[bytes, bytes]]


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
