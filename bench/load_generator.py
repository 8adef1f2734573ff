"""The load: a process of its own that keeps connections busy with prebuilt requests.

``python -m bench.load_generator`` reads one job, a JSON object, from standard input and writes one
report to standard output. It shares the cores with the service that it measures, so a request costs
it one write of bytes that were ready before the clock started and one pass of httptools over the
answer, on uvloop; what it spent is in the report.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import httptools
import uvloop


@dataclass(frozen=True, slots=True)
class Job:
    """``connections`` keep-alive connections send ``bodies`` to ``path``, each body once, each
    connection the next one as soon as it has its answer.
    """

    host: str
    port: int
    path: str
    connections: int
    bodies: list[str]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came of a job: ``latencies`` (seconds) and ``statuses`` in the order of its bodies."""

    seconds: float
    cpu_seconds: float
    latencies: list[float]
    statuses: list[int]


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._position = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport to write to."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The service hung up: the load cannot go on."""
        self._load.lost(exc)

    def send_next(self) -> None:
        """Send the next request, if one is left."""
        position = next(self._load.positions, None)
        if position is None:
            return
        self._position = position
        self._sent = time.perf_counter()
        self.transport.write(self._load.requests[position])

    def on_message_complete(self) -> None:
        """The answer is whole."""
        now = time.perf_counter()
        self._load.answered(self._position, now - self._sent, self._parser.get_status_code())
        self.send_next()


class Load:
    """One job on its way."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.requests = [_request(job, body.encode()) for body in job.bodies]
        self.positions: Iterator[int] = iter(range(len(self.requests)))
        self._latencies = [0.0] * len(self.requests)
        self._statuses = [0] * len(self.requests)
        self._left = len(self.requests)

    async def run(self) -> LoadReport:
        """Connect, send everything, wait for the last answer."""
        loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = loop.create_future()
        connections = []
        for _ in range(min(self._job.connections, len(self.requests))):
            _, connection = await loop.create_connection(
                lambda: Connection(self), self._job.host, self._job.port
            )
            connections.append(connection)
        start, cpu_start = time.perf_counter(), time.process_time()
        for connection in connections:
            connection.send_next()
        await self._done
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        for connection in connections:
            connection.transport.abort()
        return LoadReport(seconds, cpu_seconds, self._latencies, self._statuses)

    def answered(self, position: int, seconds: float, status: int) -> None:
        """Record an answer."""
        self._latencies[position] = seconds
        self._statuses[position] = status
        self._left -= 1
        if self._left == 0:
            self._done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        """Give up, unless everything is answered."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the service closed a connection"))


def _request(job: Job, body: bytes) -> bytes:
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def main() -> None:
    """Run the job on standard input."""
    job = Job(**json.load(sys.stdin))
    report = uvloop.run(Load(job).run())
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    main()
