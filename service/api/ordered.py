"""Answers lines side by side and writes the answers in the lines' order, with bounds on what is
held.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from service.api.lines import Line

MOST_LINES = 64
"""In flight at once: several batches of short texts for each worker of a small machine."""

MOST_BYTES = 256 * 1024
"""Of lines in flight at once; a longer line is alone. Answers are held until they are written, and
may be many times as long as their lines."""

WRITE_BYTES = 64 * 1024
"""Answers that are ready are written together up to this size."""


class OrderedAnswers:
    """One upload on its way. A line counts as in flight until its answer was written, so a caller
    who does not read is not read from either.
    """

    def __init__(
        self,
        answer: Callable[[Line], Coroutine[Any, Any, bytes]],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._answer = answer
        self._write = write
        self._in_flight: deque[tuple[asyncio.Task[bytes], int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self.written = 0
        """Lines whose answers were written."""

    async def run(self, lines: AsyncIterator[Line]) -> bool:
        """Answer ``lines`` to the last one; False when ``stop`` ended it before.

        What ``lines`` and ``write`` raise is raised when the lines before have been answered. What
        ``answer`` raises is raised when the answers before it have been written. Whatever is in
        flight then is cancelled.
        """
        self._reading = asyncio.create_task(self._read(lines))
        try:
            await self._write_all(self._reading)
            if self._reading.cancelled():
                return False
            self._reading.result()
            return True
        finally:
            self._reading.cancel()
            self._reading = None  # what it raised knows this frame
            for answering, _ in self._in_flight:
                answering.cancel()
                answering.add_done_callback(_forget)

    def stop(self) -> None:
        """Read no more lines; those that were read are answered."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, lines: AsyncIterator[Line]) -> None:
        async for line in lines:
            size = len(line.content or b"")
            while not self._has_room(size):
                self._changed.clear()
                await self._changed.wait()
            self._in_flight.append((asyncio.create_task(self._answer(line)), size))
            self._bytes += size
            self._changed.set()
            # One line a turn: who waits beside it is not kept waiting by a chunk of them.
            await asyncio.sleep(0)

    def _has_room(self, size: int) -> bool:
        return not self._in_flight or (
            len(self._in_flight) < MOST_LINES and self._bytes + size <= MOST_BYTES
        )

    async def _write_all(self, reading: asyncio.Task[None]) -> None:
        reading.add_done_callback(lambda _: self._changed.set())
        while self._in_flight or not reading.done():
            if not self._in_flight:
                self._changed.clear()
                await self._changed.wait()
                continue
            # Waited for in place: what is in flight is cancelled if this is.
            await asyncio.wait([self._in_flight[0][0]])
            await self._write_ready()

    async def _write_ready(self) -> None:
        pieces: list[bytes] = []
        total = lines_bytes = 0
        for answering, size in self._in_flight:
            if not answering.done() or (pieces and total >= WRITE_BYTES):
                break
            if pieces and answering.exception() is not None:
                break
            pieces.append(answering.result())
            total += len(pieces[-1])
            lines_bytes += size
        await self._write(b"".join(pieces))
        for _ in pieces:
            self._in_flight.popleft()
        self._bytes -= lines_bytes
        self.written += len(pieces)
        self._changed.set()


def _forget(answering: asyncio.Task[bytes]) -> None:
    """Have an error that nobody will hear of not reported as such."""
    if not answering.cancelled():
        answering.exception()
