"""The lines of an upload as they arrive, none of them held longer than it is asked for."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive

LINE_TIMES = 6
"""As often as the service waits as long as it waits for anything at all may it wait for a line."""

LEAST_BYTES_PER_SECOND = 4_000
"""A line that comes so fast may take as long as its length makes it: 2 MiB almost nine minutes."""


class UploadStalledError(Exception):
    """The caller sent nothing, or no whole line, for too long in the middle of an upload."""


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

    @property
    def number(self) -> int:
        """Of the line that is not whole, counted from 1."""
        return self._number

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

    Raises UploadStalledError when nothing comes for ``receive_seconds`` or no line that is not
    blank for ``LINE_TIMES`` as long, ClientDisconnect when the caller left.
    """
    pace = _Pace(splitter, LINE_TIMES * receive_seconds)
    is_whole = False
    while not is_whole:
        started = time.monotonic()
        seconds = min(receive_seconds, pace.seconds_left)
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError as error:
            missed = f"nothing of its upload for {receive_seconds:g} s"
            if seconds < receive_seconds:
                missed = f"no whole line of its upload for {pace.line_seconds:g} s"
            raise UploadStalledError(f"The caller sent {missed}.") from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        waited = time.monotonic() - started
        chunk = message.get("body", b"")
        for line in splitter.feed(chunk):
            yield line
        pace.came(chunk, waited)
        is_whole = not message.get("more_body", False)
    for line in splitter.end():
        yield line


class _Pace:
    """How long the next line of an upload may still be waited for. Time in which the service does
    not ask for more does not count.

    Each upload holds one of few places, which nobody is to keep by a byte now and then.
    """

    def __init__(self, splitter: LineSplitter, line_seconds: float) -> None:
        self.line_seconds = self.seconds_left = line_seconds
        self._splitter = splitter
        self._number = splitter.number
        self._is_blank = True

    def came(self, chunk: bytes, waited_seconds: float) -> None:
        """``chunk`` came after ``waited_seconds``, and was fed to the splitter."""
        self.seconds_left += len(chunk) / LEAST_BYTES_PER_SECOND - waited_seconds
        self._is_blank = self._is_blank and (not chunk or chunk.isspace())
        if self._splitter.number > self._number:
            if not self._is_blank:
                self.seconds_left = self.line_seconds
            self._number = self._splitter.number
            self._is_blank = True
