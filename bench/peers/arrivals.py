"""Servers under the same arrivals: so many texts come in a second, whoever is asked.

A closed loop of callers asks less of a server that is slow, and has a mean answer time that follows
from the throughput alone (Little's law). Where arrivals are given, a server with more to spare
answers sooner, and so does one that orders what waits well.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from tokenizers import Tokenizer

from bench.checkpoints import SENTENCES
from bench.errors import BenchError
from bench.lengths import MIXES
from bench.open_loop import run_open_loop
from bench.open_loop_arrivals import poisson
from bench.open_loop_capacity import WARM_SHARE
from bench.open_loop_job import OpenJob, Request
from bench.peers.catalogue import OURS, named
from bench.peers.measure import WAKING_SECONDS, warm_up
from bench.peers.results import ArrivalRun
from bench.peers.server import HOST, Server, ServerProcess, start_paused
from bench.progress import Progress
from bench.rounds import rotated
from bench.texts import write_texts

SHARES = (0.5, 0.7, 0.9)
"""Of what the best peer answers in a closed loop."""
FIRST_SEED = 2
"""The texts of other runs have smaller ones."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Texts of ``mix`` for ``seconds`` at each rate, in each of ``turns``."""

    mix: str
    seconds: float
    turns: int


def take_arrivals(
    servers: Sequence[Server],
    speeds: Mapping[str, float],
    arrivals: Arrivals,
    texts: tuple[Tokenizer, Sequence[str]],
    progress: Progress,
) -> Iterator[ArrivalRun]:
    """Each turn starts all ``servers`` anew; then they have the arrivals of one rate one after the
    other, while the others are stopped, then those of the next.

    ``speeds``: texts a second in a closed loop, by the server's name. The rates are shares of what
    the best peer with a file of the same precision reaches, and a server is asked for those that
    are less than it reaches itself: what waits would grow until the end otherwise. ``texts``: the
    model's tokenizer, and texts that are answered before the arrivals begin.
    """
    tokenizer, before = texts
    prepare = partial(warm_up, texts=before)
    for turn in range(arrivals.turns):
        step = f"arrivals, turn {turn + 1} of {arrivals.turns}"
        with ExitStack() as started:
            present = []
            for server in rotated(servers, turn):
                rates = rates_for(server, servers, speeds)
                if not rates:
                    continue
                progress.step(f"{step}: {server.name} starts")
                try:
                    process, _ = start_paused(started, server, prepare)
                except BenchError as error:
                    share, rate = next(iter(rates.items()))
                    yield ArrivalRun(server.name, arrivals.mix, share, rate, failure=str(error))
                else:
                    present.append((process, rates))
            for place, share in enumerate(SHARES):
                for process, rates in rotated(present, place):
                    if share in rates:
                        progress.step(f"{step}, {share:.0%}: {process.server.name}")
                        yield _run(process, arrivals, share, rates[share], turn, tokenizer)


def rates_for(
    server: Server, servers: Sequence[Server], speeds: Mapping[str, float]
) -> dict[float, float]:
    """Texts a second that ``server`` is asked for, by the share of the best peer's."""
    peers = [
        speeds.get(each.name, 0.0)
        for each in servers
        if each.precision == server.precision and each.name != named(OURS, each.precision)
    ]
    rates = {share: share * max(peers, default=0.0) for share in SHARES}
    able = speeds.get(server.name, 0.0)
    return {share: rate for share, rate in rates.items() if 0 < rate < able}


def _run(
    process: ServerProcess,
    arrivals: Arrivals,
    share: float,
    rate: float,
    turn: int,
    tokenizer: Tokenizer,
) -> ArrivalRun:
    """What comes of these arrivals, told in any case."""
    server, seed = process.server, FIRST_SEED + turn
    times = poisson(rate, arrivals.seconds, seed)
    lengths = MIXES[arrivals.mix].sample(len(times), seed)
    written = write_texts(tokenizer, SENTENCES, lengths, seed)
    job = OpenJob(
        HOST,
        process.port,
        arrivals.seconds,
        [Request("text", server.path, server.body(text)) for text in written],
        arrivals=[(at, number) for number, at in enumerate(times)],
    )
    run = ArrivalRun(server.name, arrivals.mix, share, rate)
    try:
        with process.awake():
            time.sleep(WAKING_SECONDS)
            outcome = run_open_loop(job)
    except BenchError as error:
        return replace(run, failure=str(error))
    settled = outcome.sent_within(WARM_SHARE * arrivals.seconds, arrivals.seconds)
    answered = settled.with_status(200)
    if not answered.all:
        return replace(run, failure=f"{server.name} answered none of {len(settled)} texts")
    return replace(
        run,
        latencies=answered.seconds,
        tokens=[lengths[answer.request] for answer in answered.all],
        failed=len(settled) - len(answered),
    )
