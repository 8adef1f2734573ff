"""Bodies that come whole, in pieces, late, too large, or not at all."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from service.api.body import read_json_body
from service.api.problems import ProblemError


def read(*pieces, headers=None, is_whole=True, max_bytes=100, timeout_seconds=60.0):
    """Read a body of ``pieces``; the caller hangs up where it has less than it said."""
    messages = [
        {"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]}
        for piece in pieces
    ] or [{"type": "http.disconnect"}]

    async def receive():
        if not messages:
            await asyncio.get_running_loop().create_future()
        return messages.pop(0)

    reading = read_json_body(
        headers or {},
        receive,
        is_whole=is_whole,
        max_bytes=max_bytes,
        timeout_seconds=timeout_seconds,
    )
    return asyncio.run(reading)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_body_is_what_its_pieces_are(is_whole):
    assert read(b"{", b"", b'"a": 1', b"}", is_whole=is_whole) == b'{"a": 1}'


def test_a_body_is_too_large_as_soon_as_it_is_seen_to_be():
    with pytest.raises(ProblemError) as refusal:
        read(b"a" * 60, b"a" * 60, b"never read", max_bytes=100)
    assert refusal.value.status == 413


def test_a_declared_length_over_the_limit_is_refused_unread():
    with pytest.raises(ProblemError) as refusal:
        read(headers={b"content-length": b"101"}, max_bytes=100)
    assert refusal.value.status == 413


def test_a_body_that_does_not_come_is_408():
    async def receive():
        await asyncio.get_running_loop().create_future()

    reading = read_json_body({}, receive, is_whole=False, max_bytes=100, timeout_seconds=0.001)
    with pytest.raises(ProblemError) as refusal:
        asyncio.run(reading)
    assert refusal.value.status == 408
    assert refusal.value.headers == {"Connection": "close"}


def test_a_caller_that_leaves_before_the_end_is_known_to_have_left():
    with pytest.raises(ClientDisconnect):
        read()


@pytest.mark.parametrize(
    ("headers", "error_type"),
    [
        ({b"content-type": b"text/plain"}, "content_type"),
        ({b"content-type": b"application/json; charset=latin-1"}, "content_type"),
        ({b"content-encoding": b"gzip"}, "content_encoding"),
    ],
)
def test_what_is_not_plain_json_is_415(headers, error_type):
    with pytest.raises(ProblemError) as refusal:
        read(b"{}", headers=headers)
    assert (refusal.value.status, refusal.value.error_type) == (415, error_type)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"Application/JSON",
        b'application/json; charset="UTF-8"',
        b"application/ld+json",
    ],
)
def test_json_by_any_of_its_names_is_read(content_type):
    assert read(b"{}", headers={b"content-type": content_type}) == b"{}"
