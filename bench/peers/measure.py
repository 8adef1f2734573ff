"""Measures servers in turns, load by load.

All are started, checked and left alone, one after the other; then each does the same load, while
the others are stopped: a machine's speed changes within a minute, and what is compared should have
been measured at nearly the same time.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from bench.errors import BenchError
from bench.peers.catalogue import INT8
from bench.peers.results import LoadRun, Visit
from bench.peers.server import Scores, Server, ServerProcess, start_paused
from bench.peers.wrk import run_wrk
from bench.progress import Progress
from bench.rounds import rotated

TOLERANCE = 1e-4
"""Between a server's scores and this service's."""

CHECKED_TEXTS = 8
SETTLE_SECONDS = 2.0
IDLE_SECONDS = 2.0
WAKING_SECONDS = 0.3
"""For what a server does by the clock, and has not done while it was stopped."""

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
    """Each round starts all ``servers`` anew, and each of its loads begins with the next of them.

    Before any of them is measured, it must answer as the one of ``references`` does that serves the
    file of the same precision. One that fails is told so in its visit and is left out of later
    rounds.
    """
    expected = {each.precision: _expected(each, texts, progress) for each in references}
    failed: set[str] = set()
    for number, loads in enumerate(rounds):
        able = [each for each in rotated(servers, number) if each.name not in failed]
        for visit in _round(able, expected, number, loads, texts, progress):
            if visit.failure:
                failed.add(visit.server)
            yield visit


def _expected(server: Server, texts: Texts, progress: Progress) -> list[Scores]:
    progress.step(f"answers of {server.name} that the others must give")
    with ServerProcess(server) as process:
        return answers(process, texts.warm_up[:CHECKED_TEXTS])


def _round(
    servers: Sequence[Server],
    expected: Mapping[str, Sequence[Scores]],
    number: int,
    loads: Sequence[Load],
    texts: Texts,
    progress: Progress,
) -> Iterator[Visit]:
    with ExitStack() as started:
        present: list[tuple[ServerProcess, Visit]] = []
        for server in servers:
            progress.step(f"round {number + 1}: {server.name} starts")
            prepare = partial(_prepare, expected=expected[server.precision], texts=texts)
            try:
                process, idle = start_paused(started, server, prepare)
            except BenchError as error:
                yield Visit(server.name, number, failure=str(error))
            else:
                present.append((process, Visit(server.name, number, process.ready_seconds, idle)))
        for place, load in enumerate(loads):
            for process, visit in rotated(present, place):
                name = process.server.name
                progress.step(f"round {number + 1}, {load.mix}, {load.connections}: {name}")
                try:
                    visit.runs.append(_run(process, load, texts))
                except BenchError as error:
                    about = f"{load.mix}, {load.connections} connections"
                    visit.unfinished.append(f"{about}: {error}")
        for process, visit in present:
            with process.awake():
                time.sleep(SETTLE_SECONDS)
                memory = process.memory()
            yield replace(visit, memory=memory)


def _prepare(process: ServerProcess, expected: Sequence[Scores], texts: Texts) -> float:
    """Check and warm up a server that runs; returns how many cores it takes when it idles."""
    check_answers(answers(process, texts.warm_up[:CHECKED_TEXTS]), expected)
    warm_up(process, texts.warm_up)
    time.sleep(SETTLE_SECONDS)
    return _idle_cores(process)


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


def _run(process: ServerProcess, load: Load, texts: Texts) -> LoadRun:
    given = texts.measured[load.mix, load.texts_with(process.server.precision)]
    bodies = [process.server.body(text) for text in given]
    with process.awake():
        time.sleep(WAKING_SECONDS)
        before = process.cpu_seconds()
        report = run_wrk(process.url, bodies, load.connections)
        cpu_seconds = process.cpu_seconds() - before
    return LoadRun(
        mix=load.mix,
        connections=load.connections,
        texts=len(given),
        seconds=report.seconds,
        cpu_seconds=cpu_seconds,
        latencies=report.latencies,
        refusals=report.refusals,
        resent=report.resent,
    )
