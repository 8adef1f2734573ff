"""The lines of an upload as they arrive, none of them held longer than it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class UploadStalledError(Exception):
    """The caller sent nothing for too long in the middle of an upload."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an upload, counted from 1. ``content`` is without its line feed, and None when it
    is longer than lines may be.
    """

    number: int
    content: bytes | None


class LineSplitter:
    """Cuts chunks of bytes at line feeds. Holds at most ``max_bytes`` of a line that is not whole.

    Lines before ``first`` are counted and left out.
    """

    def __init__(self, max_bytes: int, first: int = 1) -> None:
        self._max_bytes = max_bytes
        self._first = first
        self._number = 1
        self._begun = bytearray()
        self._bytes = 0
        """Of the line that is not whole: those that are not held count too."""

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that ``chunk`` ends."""
        start = self._skip(chunk)
        while (end := chunk.find(b"\n", start)) >= 0:
            self._take(chunk[start:end])
            start = end + 1
            yield from self._end_line()
        self._take(chunk[start:])

    def end(self) -> Iterator[Line]:
        """The last line, if it has no line feed."""
        if self._bytes:
            yield from self._end_line()

    def _skip(self, chunk: bytes) -> int:
        """Where in ``chunk`` the lines begin that are not left out. None of the others is looked
        at: nobody has a turn before the end of a chunk of them.
        """
        missing = self._first - self._number
        if missing <= 0:
            return 0
        there = chunk.count(b"\n")
        if there < missing:
            self._number += there
            return len(chunk)
        self._number = self._first
        start, end = 0, len(chunk)
        while end - start > 1:  # the last line feed to be left out is between them
            middle = (start + end) // 2
            before = chunk.count(b"\n", start, middle)
            if before < missing:
                start = middle
                missing -= before
            else:
                end = middle
        return end

    def _take(self, part: bytes) -> None:
        self._bytes += len(part)
        if self._bytes > self._max_bytes:
            self._begun.clear()
        else:
            self._begun += part

    def _end_line(self) -> Iterator[Line]:
        fits = self._bytes <= self._max_bytes
        yield Line(self._number, bytes(self._begun) if fits else None)
        self._begun.clear()
        self._bytes = 0
        self._number += 1


async def uploaded_lines(
    receive: Receive, splitter: LineSplitter, receive_seconds: float
) -> AsyncIterator[Line]:
    """The lines of a request's body. Nothing is received while a line is not asked for, so an
    upload is only as fast as its lines are taken.

    Raises UploadStalledError when nothing comes for ``receive_seconds``, ClientDisconnect when the
    caller left.
    """
    is_whole = False
    while not is_whole:
        try:
            async with asyncio.timeout(receive_seconds):
                message = await receive()
        except TimeoutError as error:
            raise UploadStalledError(
                f"The caller sent nothing of its upload for {receive_seconds:g} s."
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        for line in splitter.feed(message.get("body", b"")):
            yield line
        is_whole = not message.get("more_body", False)
    for line in splitter.end():
        yield line
