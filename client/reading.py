"""Reads records in a thread of its own, so that a slow file or terminal keeps nothing else waiting.

The thread is one that a program does not wait for at its end, unlike those of an executor: nobody
may ever write another line to standard input.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

from client.records import Record

MOST_BATCHES = 2
"""Read and not taken yet."""


async def batches(records: Iterator[Record], size: int) -> AsyncIterator[list[Record]]:
    """``records``, up to ``size`` of them at a time. Raises what they raise, when
    those before have been given.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[list[Record] | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(MOST_BATCHES)

    def put(item: list[Record] | Exception | None) -> None:
        room.acquire()
        # The loop may be gone when the program ends before the records do.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        batch: list[Record] = []
        try:
            for record in records:
                batch.append(record)
                if len(batch) >= size:
                    put(batch)
                    batch = []
        except Exception as error:
            put(batch)
            put(error)
            return
        put(batch)
        put(None)

    threading.Thread(target=read, daemon=True).start()
    while (item := await queue.get()) is not None:
        room.release()
        if isinstance(item, Exception):
            raise item
        if item:
            yield item
