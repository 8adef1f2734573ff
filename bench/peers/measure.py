"""Measures servers in turns: each is started, checked, left alone, and loaded, then the next."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.errors import BenchError
from bench.peers.catalogue import INT8
from bench.peers.results import LoadRun, Visit
from bench.peers.server import Scores, Server, ServerProcess
from bench.peers.wrk import run_wrk
from bench.progress import Progress
from bench.rounds import rotated

TOLERANCE = 1e-4
"""Between a server's scores and this service's."""

CHECKED_TEXTS = 8
SETTLE_SECONDS = 2.0
IDLE_SECONDS = 2.0

INT8_TEXTS = 4
"""Times as many texts in a run with int8, which is about as many times as fast."""


@dataclass(frozen=True, slots=True)
class Load:
    """One run of a round: as many ``texts`` of ``mix`` over ``connections``."""

    mix: str
    connections: int
    texts: int

    def texts_with(self, precision: str) -> int:
        """How many a server with a file of ``precision`` gets: all runs take about as long."""
        return self.texts * (INT8_TEXTS if precision == INT8 else 1)


@dataclass(frozen=True, slots=True)
class Texts:
    """By mix and how many: what is measured, and what is run before the clock starts."""

    measured: Mapping[tuple[str, int], Sequence[str]]
    warm_up: Sequence[str]


def take_turns(
    servers: Sequence[Server],
    references: Sequence[Server],
    rounds: Sequence[Sequence[Load]],
    texts: Texts,
    progress: Progress,
) -> Iterator[Visit]:
    """Each round starts with the next of ``servers``, which all do the loads of that round.

    Before any of them is measured, it must answer as the one of ``references`` does that serves the
    file of the same precision. One that fails is told so in its visit and is left out of later
    rounds.
    """
    expected = {each.precision: _expected(each, texts, progress) for each in references}
    failed: set[str] = set()
    for number, loads in enumerate(rounds):
        for server in rotated(servers, number):
            if server.name in failed:
                continue
            progress.step(f"round {number + 1} of {len(rounds)}: {server.name}")
            try:
                yield _visit(server, expected[server.precision], number, loads, texts)
            except BenchError as error:
                failed.add(server.name)
                yield Visit(server.name, number, failure=str(error))


def _expected(server: Server, texts: Texts, progress: Progress) -> list[Scores]:
    progress.step(f"answers of {server.name} that the others must give")
    with ServerProcess(server) as process:
        return answers(process, texts.warm_up[:CHECKED_TEXTS])


def _visit(
    server: Server, expected: Sequence[Scores], number: int, loads: Sequence[Load], texts: Texts
) -> Visit:
    with ServerProcess(server) as process:
        check_answers(answers(process, texts.warm_up[:CHECKED_TEXTS]), expected)
        warm_up(process, texts.warm_up)
        time.sleep(SETTLE_SECONDS)
        idle = _idle_cores(process)
        runs, unfinished = [], []
        for load in loads:
            try:
                count = load.texts_with(server.precision)
                runs.append(_run(process, load, texts.measured[load.mix, count]))
            except BenchError as error:
                unfinished.append(f"{load.mix}, {load.connections} connections: {error}")
        time.sleep(SETTLE_SECONDS)
        return Visit(
            server=server.name,
            round=number,
            ready_seconds=process.ready_seconds,
            idle_cores=idle,
            memory=process.memory(),
            runs=runs,
            unfinished=unfinished,
        )


def answers(process: ServerProcess, texts: Sequence[str]) -> list[Scores]:
    """To ``texts``, asked all at once, so that a server that batches has to batch them."""
    with ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(process.ask, texts))


def warm_up(process: ServerProcess, texts: Sequence[str]) -> None:
    """Have all ``texts`` answered, half of them at a time."""
    run_wrk(process.url, [process.server.body(text) for text in texts], len(texts) // 2)


def check_answers(given: Sequence[Scores], expected: Sequence[Scores]) -> None:
    """Raises BenchError unless they are the same labels, each score within ``TOLERANCE``."""
    for scores, right in zip(given, expected, strict=True):
        if scores.keys() != right.keys():
            raise BenchError(f"it answers with {sorted(scores)}, this service with {sorted(right)}")
        far = max(abs(scores[label] - right[label]) for label in right)
        if not far <= TOLERANCE:  # which a NaN is not either
            raise BenchError(f"its scores are {far:.1e} from this service's: not the same work")


def _idle_cores(process: ServerProcess) -> float:
    before = process.cpu_seconds()
    start = time.perf_counter()
    time.sleep(IDLE_SECONDS)
    return (process.cpu_seconds() - before) / (time.perf_counter() - start)


def _run(process: ServerProcess, load: Load, texts: Sequence[str]) -> LoadRun:
    bodies = [process.server.body(text) for text in texts]
    before = process.cpu_seconds()
    report = run_wrk(process.url, bodies, load.connections)
    return LoadRun(
        mix=load.mix,
        connections=load.connections,
        texts=len(texts),
        seconds=report.seconds,
        cpu_seconds=process.cpu_seconds() - before,
        latencies=report.latencies,
        refusals=report.refusals,
        resent=report.resent,
    )
