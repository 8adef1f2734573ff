"""The open loop: a process of its own that sends requests at given times, whatever the answers do.

``python -m bench.open_loop_generator`` reads one job, a JSON object, from standard input and writes
every answer to standard output, with the processor seconds that the load took. Each answer's time
runs from the moment at which its request was to be sent, so a generator that is itself held up
hides nothing. Beside the arrivals there may be callers, who each wait for an answer before they ask
again.
"""

import asyncio
import contextlib
import itertools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import httptools
import uvloop

GIVE_UP_POLL_SECONDS = 0.01
UNTOLD_SECONDS = 1.0
"""What a caller waits who was refused and not told how long."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a POST of ``body`` (JSON), or a GET when there is none.

    One that ``leaves`` has a connection of its own, which is closed as soon as it is written.
    """

    kind: str
    path: str
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Callers:
    """``count`` callers from ``start`` (seconds) on: each asks the next of ``requests`` (positions
    in the job) when it has its answer, over and over, or each once.

    Told 429, a caller waits as long as it was told and asks the same again.
    """

    count: int
    requests: list[int]
    start: float = 0.0
    once: bool = False


@dataclass(frozen=True, slots=True)
class OpenJob:
    """Send ``requests`` at ``arrivals`` (seconds after the start, position of the request) and as
    ``callers`` ask for them; nothing is sent after ``seconds``.

    Answers are waited for ``drain_seconds`` more: by default longer than the service's deadline.
    """

    host: str
    port: int
    seconds: float
    requests: list[Request]
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    callers: list[Callers] = field(default_factory=list)
    drain_seconds: float = 35.0


class Answer(NamedTuple):
    """What came of one request."""

    request: int
    """Position in the job."""
    chain: int
    """The same for a request and for its repetitions by a caller who was told to come again."""
    at: float
    """When it was to be sent, seconds after the start."""
    sent: float
    """When it was written, seconds after the start."""
    seconds: float
    """From ``at`` until the whole answer was there, or until it was given up."""
    status: int
    """0 without an answer."""
    retry_after: float | None
    tokens: int
    """As the service counts them (``X-Tokens``); 0 where it says nothing."""


class Exchange:
    """One request on its way."""

    __slots__ = ("_at", "_chain", "_load", "_request", "_sent", "_settled", "content")

    def __init__(
        self,
        load: "OpenLoad",
        request: int,
        chain: int,
        at: float,
        settled: Callable[[Answer], None] | None,
    ) -> None:
        self._load, self._request, self._chain, self._at = load, request, chain, at
        self._settled = settled
        self._sent = at
        self.content = load.contents[request]

    def written(self) -> None:
        """It was sent just now."""
        self._sent = self._load.now()

    def settle(self, status: int, retry_after: float | None = None, tokens: int = 0) -> None:
        """It is over."""
        seconds = self._load.now() - self._at
        answer = Answer(
            self._request, self._chain, self._at, self._sent, seconds, status, retry_after, tokens
        )
        self._load.settled(self, answer)
        if self._settled is not None:
            self._settled(answer)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one exchange."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._retry_after: float | None = None
        self._tokens = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport to write to."""
        self.transport = transport

    def carry(self, exchange: Exchange) -> None:
        """Send a request; the connection must be idle."""
        self._exchange, self._retry_after, self._tokens = exchange, None, 0
        self.transport.write(exchange.content)
        exchange.written()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is asked for later."""
        match name.lower():
            case b"retry-after":
                self._retry_after = float(value)
            case b"x-tokens":
                self._tokens = int(value)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        exchange, self._exchange = self._exchange, None
        if self._parser.should_keep_alive():
            self._pool.idle.append(self)
        else:
            self.transport.close()
        if exchange is not None:
            exchange.settle(self._parser.get_status_code(), self._retry_after, self._tokens)

    def connection_lost(self, exc: Exception | None) -> None:
        """The service hung up: an exchange on its way has no answer."""
        if self in self._pool.idle:
            self._pool.idle.remove(self)
        self._pool.open.discard(self)
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.settle(0)


class Pool:
    """Keep-alive connections: the one that was used last is used next, and a new one is opened when
    none is idle.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._opening: set[asyncio.Task[None]] = set()
        self.idle: list[Connection] = []
        self.open: set[Connection] = set()

    def send(self, exchange: Exchange) -> None:
        """Send over an idle connection, or over a new one as soon as it is open."""
        if self.idle:
            self.idle.pop().carry(exchange)
        else:
            self._start(self._carry_over_new(exchange))

    def send_and_leave(self, exchange: Exchange) -> None:
        """Open a connection, send, and close it."""
        self._start(self._leave(exchange))

    def close(self) -> None:
        """Cut everything."""
        for task in self._opening:
            task.cancel()
        for connection in list(self.open):
            connection.transport.abort()

    def _start(self, opening: Any) -> None:
        task = asyncio.ensure_future(opening)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self), self._host, self._port
        )
        self.open.add(connection)
        return connection

    async def _carry_over_new(self, exchange: Exchange) -> None:
        try:
            connection = await self._connect()
        except OSError:
            exchange.settle(0)
        else:
            connection.carry(exchange)

    async def _leave(self, exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            connection = await self._connect()
            connection.transport.write(exchange.content)
            exchange.written()
            connection.transport.close()
        exchange.settle(0)


class OpenLoad:
    """One job on its way."""

    def __init__(self, job: OpenJob, clock: Callable[[], float] = time.perf_counter) -> None:
        self._job = job
        self._clock = clock
        self._start = clock()
        self._chains = itertools.count()
        self._pool = Pool(job.host, job.port)
        self._on_the_way: set[Exchange] = set()
        self._answers: list[Answer] = []
        self.contents = [_content(job, request) for request in job.requests]

    def now(self) -> float:
        """Seconds after the start."""
        return self._clock() - self._start

    async def run(self) -> list[Answer]:
        """Send everything, wait for the answers, and give up those that do not come."""
        self._start = self._clock()
        tasks = [asyncio.ensure_future(self._send_arrivals())]
        for callers in self._job.callers:
            positions: Iterator[int] = iter(callers.requests)
            if not callers.once:
                positions = itertools.cycle(callers.requests)
            tasks += [
                asyncio.ensure_future(self._call(positions, callers.start))
                for _ in range(callers.count)
            ]
        end = self._job.seconds + self._job.drain_seconds
        done, _ = await asyncio.wait(
            tasks, timeout=max(0.0, end - self.now()), return_when=asyncio.FIRST_EXCEPTION
        )
        for task in done:
            task.result()
        while self._on_the_way and self.now() < end:
            await asyncio.sleep(GIVE_UP_POLL_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for exchange in list(self._on_the_way):
            exchange.settle(0)
        answers, self._answers = self._answers, []
        self._pool.close()
        return answers

    def settled(self, exchange: Exchange, answer: Answer) -> None:
        """Record an answer, once."""
        if exchange in self._on_the_way:
            self._on_the_way.remove(exchange)
            self._answers.append(answer)

    def _send(
        self,
        request: int,
        chain: int,
        at: float,
        settled: Callable[[Answer], None] | None = None,
    ) -> None:
        exchange = Exchange(self, request, chain, at, settled)
        self._on_the_way.add(exchange)
        if self._job.requests[request].leaves:
            self._pool.send_and_leave(exchange)
        else:
            self._pool.send(exchange)

    async def _send_arrivals(self) -> None:
        for at, request in sorted(self._job.arrivals):
            await asyncio.sleep(max(0.0, at - self.now()))
            self._send(request, next(self._chains), at)

    async def _call(self, requests: Iterator[int], start: float) -> None:
        await asyncio.sleep(max(0.0, start - self.now()))
        while self.now() < self._job.seconds:
            if (request := next(requests, None)) is None:
                return
            chain = next(self._chains)
            while (wait := await self._ask(request, chain)) is not None:
                if self.now() + wait >= self._job.seconds:
                    return
                await asyncio.sleep(wait)

    async def _ask(self, request: int, chain: int) -> float | None:
        """Ask and wait for the answer; seconds after which to ask again, None when answered."""
        settled: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def settle(answer: Answer) -> None:
            if not settled.done():
                settled.set_result(answer)

        self._send(request, chain, self.now(), settle)
        answer = await settled
        if answer.status == 429:
            return UNTOLD_SECONDS if answer.retry_after is None else answer.retry_after
        if answer.status == 0:
            return UNTOLD_SECONDS  # no answer at all: do not spin
        return None


def _content(job: OpenJob, request: Request) -> bytes:
    body = b"" if request.body is None else request.body.encode()
    method = "GET" if request.body is None else "POST"
    headers = {"Host": f"{job.host}:{job.port}", **request.headers}
    if request.body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {request.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def job_to_json(job: OpenJob) -> str:
    """For the standard input of the process."""
    return json.dumps(asdict(job))


def job_from_json(written: str) -> OpenJob:
    """Read what ``job_to_json`` wrote."""
    fields = json.loads(written)
    fields["requests"] = [Request(**request) for request in fields["requests"]]
    fields["arrivals"] = [(at, request) for at, request in fields["arrivals"]]
    fields["callers"] = [Callers(**callers) for callers in fields["callers"]]
    return OpenJob(**fields)


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Run the job on standard input."""
    _allow_many_connections()
    load = OpenLoad(job_from_json(sys.stdin.read()))
    cpu_start = time.process_time()
    answers = uvloop.run(load.run())
    cpu_seconds = time.process_time() - cpu_start
    json.dump({"cpu_seconds": cpu_seconds, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
