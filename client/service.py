"""Asks a service: one request, or a stream of lines on its bulk route."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from client.connection import Exchange
from client.errors import AskError
from client.reading import batches
from client.records import Record

MOST_AHEAD = 4_000
"""Records that were sent and not answered yet."""


DEADLINE_SECONDS = 30.0
"""The service's own, unless it was set to another one."""

LATE_SECONDS = 10.0
"""After the deadline: whoever says nothing until then is none that keeps deadlines."""

QUEUE_SECONDS = 60.0
"""For a record to get into the queue, from where its deadline counts: a service that others keep
busy lets records of files in when it can (docs/bulk.md).
"""


async def ask(
    url: str, body: Any, headers: Mapping[str, str], deadline_seconds: float = DEADLINE_SECONDS
) -> Any:
    """The answer to one request. Raises AskError, also where none comes long after the deadline."""
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    async with Exchange(url, headers, deadline_seconds + LATE_SECONDS) as exchange:
        sending = asyncio.create_task(_send_all(exchange, content))
        try:
            response = await exchange.response()
            answer = b"".join([part async for part in exchange.body()])
        finally:
            await _end(sending)
        if response.status_code != 200:
            raise refusal(response.status_code, answer)
        return _json(answer)


async def ask_in_bulk(
    url: str,
    records: Iterator[Record],
    headers: Mapping[str, str],
    *,
    at_once: int,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> AsyncIterator[tuple[Record, bytes]]:
    """Each record with the line that answers it, in order. ``records`` is read in a thread,
    ``at_once`` of them before they are sent.

    Raises AskError, also what ``records`` raises, when all that was sent before is answered, and
    where no answer comes long after a record's deadline.
    """
    waiting: deque[Record] = deque()
    room = asyncio.Event()
    headers = {"Content-Type": "application/x-ndjson", **headers}
    silence_seconds = deadline_seconds + QUEUE_SECONDS
    async with Exchange(url, headers, silence_seconds, lambda: bool(waiting)) as exchange:
        sending = asyncio.create_task(_send_lines(exchange, records, waiting, room, at_once))
        try:
            response = await exchange.response()
            if response.status_code != 200:
                answer = b"".join([part async for part in exchange.body()])
                raise refusal(response.status_code, answer)
            begun = b""
            async for part in exchange.body():
                *lines, begun = (begun + part).split(b"\n")
                for line in lines:
                    if not waiting:
                        raise AskError("The service answered more lines than it was sent.")
                    yield waiting.popleft(), line
                room.set()
            await sending
            if waiting or begun:
                raise AskError("The service answered fewer lines than it was sent.")
        finally:
            await _end(sending)


async def _send_all(exchange: Exchange, content: bytes) -> None:
    await exchange.send(content)
    await exchange.finish()


async def _send_lines(
    exchange: Exchange,
    records: Iterator[Record],
    waiting: deque[Record],
    room: asyncio.Event,
    at_once: int,
) -> None:
    try:
        async for batch in batches(records, at_once):
            while len(waiting) >= MOST_AHEAD:
                room.clear()
                await room.wait()
            waiting.extend(batch)
            await exchange.send(b"".join(record.line + b"\n" for record in batch))
    finally:
        # Also behind a record that cannot be read: those before it are answered.
        await exchange.finish()


async def _end(sending: asyncio.Task[None]) -> None:
    """What failed while sending is told by what came back, if anything did."""
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await sending


def refusal(status: int, content: bytes) -> AskError:
    """What the service says that is wrong, as it says it."""
    answer = _json(content) if content[:1] == b"{" else {}
    reason = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(reason, str):
        return AskError(reason)
    return AskError(f"The service answered with status {status}; is this an albert-serve?")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise AskError("The service answered what is not JSON; is this an albert-serve?") from error
