"""Bodies that come whole, in pieces, late, too large, or not at all."""

import asyncio
import time

import pytest
from starlette.requests import ClientDisconnect

from service.api.body import FREE_BYTES, MOST_BODIES, BodyReader
from service.api.problems import ProblemError
from service.scheduling.errors import DeadlineExceededError


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

    reader = BodyReader(max_bytes, timeout_seconds)
    return asyncio.run(reader.read(headers or {}, receive, time.monotonic(), is_whole=is_whole))


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


@pytest.mark.parametrize("ago", [0, 3600])
def test_a_body_that_does_not_come_is_408_in_time_for_its_header(ago):
    async def receive():
        await asyncio.get_running_loop().create_future()

    started = time.monotonic() - ago
    reading = BodyReader(100, ago + 0.001).read({}, receive, started, is_whole=False)
    with pytest.raises(ProblemError) as refusal:
        asyncio.run(reading)
    assert refusal.value.status == 408
    assert refusal.value.headers == {"Connection": "close"}


@pytest.mark.parametrize("ago", [0, 3600])
def test_a_body_that_does_not_come_by_the_deadline_is_not_waited_for(ago):
    async def receive():
        await asyncio.get_running_loop().create_future()

    started = time.monotonic() - ago
    reading = BodyReader(100, ago + 60.0).read(
        {}, receive, started, is_whole=False, deadline=started + 0.001
    )
    with pytest.raises(DeadlineExceededError):
        asyncio.run(reading)


def test_a_caller_that_leaves_before_the_end_is_known_to_have_left():
    with pytest.raises(ClientDisconnect):
        read()


@pytest.mark.parametrize(
    ("headers", "error_type"),
    [
        ({b"content-type": b"text/plain"}, "content_type"),
        ({b"content-type": b"application/json; charset=latin-1"}, "content_type"),
        ({b"content-type": b"application/json; CHARSET=utf-16"}, "content_type"),
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
        b"application/json; CHARSET=UTF-8",
        b"application/ld+json",
    ],
)
def test_json_by_any_of_its_names_is_read(content_type):
    assert read(b"{}", headers={b"content-type": content_type}) == b"{}"


class Uploads:
    """Bodies of the largest size that are on their way, and never whole."""

    def __init__(self, reader, size):
        self.reader = reader
        self.size = size
        self.tasks = []

    async def begin(self):
        """One more, of which all but the last byte has come."""
        pieces = [b" " * (self.size // 2), b" " * (self.size - self.size // 2 - 1)]

        async def receive():
            if not pieces:
                await asyncio.get_running_loop().create_future()
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}

        reading = self.reader.read({}, receive, time.monotonic(), is_whole=False)
        self.tasks.append(asyncio.create_task(reading))
        for _ in range(4):
            await asyncio.sleep(0)
        return self.tasks[-1]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def in_pieces(body):
    """A ``receive`` that has it at once."""
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive():
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return receive


def test_bodies_on_their_way_are_bounded_and_small_ones_are_read_all_the_same():
    size = 4 * FREE_BYTES
    reader = BodyReader(size, 60.0)

    async def scenario():
        uploads = Uploads(reader, size)
        begun = [await uploads.begin() for _ in range(2 * MOST_BODIES)]
        refused = [task for task in begun if task.done()]
        held = sum(size - FREE_BYTES for task in begun if not task.done())
        assert MOST_BODIES * size - size < held <= MOST_BODIES * size
        problems = [task.exception() for task in refused]
        assert {(problem.status, problem.error_type) for problem in problems} == {
            (429, "overloaded")
        }
        assert {problem.headers["Retry-After"] for problem in problems} == {"1"}
        small = b" " * FREE_BYTES
        assert await reader.read({}, in_pieces(small), time.monotonic(), is_whole=False) == small
        await uploads.end()
        large = b" " * size
        for _ in range(2 * MOST_BODIES):
            body = await reader.read({}, in_pieces(large), time.monotonic(), is_whole=False)
            assert body == large

    asyncio.run(scenario())
