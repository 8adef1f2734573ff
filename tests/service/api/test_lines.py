"""Lines are those of the upload however it is cut into chunks, and no more is held than allowed."""

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from service.api.lines import (
    LEAST_BYTES_PER_SECOND,
    Line,
    LineSplitter,
    UploadStalledError,
    uploaded_lines,
)

MANY = 262_144
"""Bytes that come at once, at most."""
UPLOADS = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"{}", b"\xff"])).map(b"".join)


def chunks_of(upload, cuts):
    places = sorted(cut % (len(upload) + 1) for cut in cuts)
    return [
        upload[start:end] for start, end in zip([0, *places], [*places, len(upload)], strict=True)
    ]


@given(UPLOADS, st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 5), st.integers(1, 4))
def test_lines_do_not_depend_on_the_chunks(upload, cuts, max_bytes, first):
    splitter = LineSplitter(max_bytes, first)
    lines = []
    for chunk in chunks_of(upload, cuts):
        lines += splitter.feed(chunk)
        assert len(splitter._begun) <= max_bytes
    lines += splitter.end()
    contents = upload.split(b"\n")
    if contents[-1] == b"":
        contents.pop()
    assert lines == [
        Line(number, content if len(content) <= max_bytes else None)
        for number, content in enumerate(contents, 1)
        if number >= first
    ]


@pytest.mark.parametrize("line", [b"\n", b"x\n"])
@pytest.mark.parametrize("first", [MANY // 2 - 1, 10**9])
def test_lines_that_are_left_out_keep_nobody_waiting(line, first):
    chunk = line * (MANY // len(line))
    splitter = LineSplitter(100, first)
    start = time.thread_time()
    began = next(splitter.feed(chunk), None)
    assert time.thread_time() - start < 0.02
    assert (began and began.number) == (first if first < MANY else None)


def messages(*given):
    """A ``receive`` that gives these, and then nothing any more."""
    waiting = list(given)

    async def receive():
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive, waiting


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def collect(receive, seconds=30.0):
    async def read():
        lines = []
        try:
            async for line in uploaded_lines(receive, LineSplitter(100), seconds):
                lines.append(line.content)  # noqa: PERF401  those before an error count
        except (UploadStalledError, ClientDisconnect) as error:
            return lines, error
        return lines, None

    return asyncio.run(read())


def test_an_upload_ends_with_its_last_message():
    receive, _ = messages(part(b"a\nb"), part(b""), part(b"c\nd", more=False))
    assert collect(receive) == ([b"a", b"bc", b"d"], None)


@pytest.mark.parametrize("last", [part(b"", more=False), part(b"\n", more=False)])
def test_an_empty_upload(last):
    receive, _ = messages(last)
    assert collect(receive) == ([b""] if last["body"] else [], None)


def test_a_caller_who_sends_nothing_has_stalled():
    receive, _ = messages(part(b"a\nb"))
    lines, error = collect(receive, 0.01)
    assert lines == [b"a"]
    assert isinstance(error, UploadStalledError)
    assert "sent nothing of its upload for 0.01 s" in str(error)


def lines_that_come_slowly(pieces, *, seconds):
    """The lines from the 100th on of an upload that comes piece by piece, over and over again; None
    where it was given up.
    """

    async def receive():
        await asyncio.sleep(0.01)
        pieces.append(pieces.pop(0))
        return part(pieces[-1], more=time.monotonic() < end)

    async def read():
        lines = uploaded_lines(receive, LineSplitter(10**6, first=100), 0.1)
        with contextlib.suppress(UploadStalledError):
            return [line async for line in lines]

    end = time.monotonic() + seconds
    return asyncio.run(read())


@pytest.mark.parametrize("pieces", [[b" "], [b"\n"], [b" ", b"\r\n"], [b"\n" * 4 + b" "]])
def test_a_caller_who_sends_no_whole_line_holds_its_place_for_a_while_only(pieces):
    assert lines_that_come_slowly(pieces, seconds=3) is None


@pytest.mark.parametrize("pieces", [[b"x\n"], [b"x", b"\n"], [b"x\nx"], [b"x", b" ", b"", b"\nx"]])
def test_a_slow_caller_who_sends_lines_is_waited_for(pieces):
    assert lines_that_come_slowly(pieces, seconds=1) is not None


def test_a_line_may_take_as_long_as_its_length_makes_it():
    pieces = [b"x" * (LEAST_BYTES_PER_SECOND // 50)]
    assert lines_that_come_slowly(pieces, seconds=1) is not None


def test_a_caller_who_left_is_no_end_of_the_upload():
    receive, _ = messages(part(b"a\nb"), {"type": "http.disconnect"})
    lines, error = collect(receive)
    assert lines == [b"a"]
    assert isinstance(error, ClientDisconnect)


def test_nothing_is_received_before_it_is_asked_for_and_no_clock_runs_meanwhile():
    async def scenario():
        receive, waiting = messages(part(b"a\nb\n"), part(b"c\n", more=False))
        lines = uploaded_lines(receive, LineSplitter(100), 0.01)
        assert (await anext(lines)).content == b"a"
        await asyncio.sleep(0.05)
        assert len(waiting) == 1
        assert [line.content async for line in lines] == [b"b", b"c"]

    asyncio.run(scenario())
