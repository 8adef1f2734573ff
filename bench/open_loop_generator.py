"""The open loop: a process of its own that sends requests at given times, whatever the answers do.

``python -m bench.open_loop_generator`` reads one job, a JSON object, from standard input and writes
every answer to standard output, with the processor seconds that the load took. Each answer's time
runs from the moment at which its request was to be sent, so a generator that is itself held up
hides nothing. Beside the arrivals there may be callers, who each wait for an answer before they ask
again.
"""

import asyncio
import gc
import itertools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator

import uvloop

from bench.open_loop_job import Answer, OpenJob, Request, job_from_json
from bench.open_loop_pool import Pool

GIVE_UP_POLL_SECONDS = 0.01
UNTOLD_SECONDS = 1.0
"""What a caller waits who was refused and not told how long."""


class TimedExchange:
    """One request on its way, and its times."""

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


class OpenLoad:
    """One job on its way."""

    def __init__(self, job: OpenJob, clock: Callable[[], float] = time.perf_counter) -> None:
        self._job = job
        self._clock = clock
        self._start = clock()
        self._chains = itertools.count()
        self._pool = Pool(job.host, job.port)
        self._callers_pools: list[Pool] = []
        self._on_the_way: set[TimedExchange] = set()
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
        for pool in [self._pool, *self._callers_pools]:
            pool.close()
        return answers

    def settled(self, exchange: TimedExchange, answer: Answer) -> None:
        """Record an answer, once."""
        if exchange in self._on_the_way:
            self._on_the_way.remove(exchange)
            self._answers.append(answer)

    def _send(
        self,
        request: int,
        chain: int,
        at: float,
        pool: Pool,
        settled: Callable[[Answer], None] | None = None,
    ) -> None:
        exchange = TimedExchange(self, request, chain, at, settled)
        self._on_the_way.add(exchange)
        if self._job.requests[request].leaves:
            pool.send_and_leave(exchange)
        else:
            pool.send(exchange)

    async def _send_arrivals(self) -> None:
        for at, request in sorted(self._job.arrivals):
            await asyncio.sleep(max(0.0, at - self.now()))
            self._send(request, next(self._chains), at, self._pool)

    async def _call(self, requests: Iterator[int], start: float) -> None:
        pool = Pool(self._job.host, self._job.port)
        self._callers_pools.append(pool)
        await asyncio.sleep(max(0.0, start - self.now()))
        while (at := self.now()) < self._job.seconds:
            if (request := next(requests, None)) is None:
                return
            chain = next(self._chains)
            while (wait := await self._ask(request, chain, at, pool)) is not None:
                at = self.now() + wait
                if at >= self._job.seconds:
                    return
                await asyncio.sleep(wait)

    async def _ask(self, request: int, chain: int, at: float, pool: Pool) -> float | None:
        """Ask and wait for the answer; seconds after which to ask again, None when answered."""
        settled: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def settle(answer: Answer) -> None:
            if not settled.done():
                settled.set_result(answer)

        self._send(request, chain, at, pool, settle)
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


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Run the job on standard input."""
    _allow_many_connections()
    load = OpenLoad(job_from_json(sys.stdin.read()))
    gc.disable()  # a look at a hundred thousand answers holds up what is to be sent for 50 ms
    cpu_start = time.process_time()
    answers = uvloop.run(load.run())
    cpu_seconds = time.process_time() - cpu_start
    json.dump({"cpu_seconds": cpu_seconds, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
