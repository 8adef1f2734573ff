"""``python -m bench.steady``: how long short and long texts take at 70 % of the capacity."""

import random
import time
from collections.abc import Sequence as Rows
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer

from bench.lengths import MIXED, SHORT_TOKENS
from bench.open_loop import Answers, run_open_loop
from bench.open_loop_arrivals import poisson
from bench.open_loop_capacity import (
    WARM_SHARE,
    measure_alone,
    measure_capacity,
    text_requests,
)
from bench.open_loop_cli import ModelPath, Models, Table, Url, tell
from bench.open_loop_job import OpenJob
from bench.open_loop_server import Choice, Server, serving
from bench.open_loop_table import Cell, Line, quantile
from bench.progress import Progress
from model_directory.integrity import open_version
from service.runtime.sequence import Sequence
from service.runtime.session import Session

LOAD = 0.7
GRID = (6, 12, 24, 36, 48, 64, 96, 128, 192, 256, 384)
"""Lengths that are asked alone; between them the time is interpolated."""
REPEATS = 9
MULTIPLE_GOAL = 6.0
MS, TIMES = "{:.0f} ms", "{:.1f} ×"


def steady(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    seconds: Annotated[float, typer.Option(help="Under load.", min=0.5)] = 60.0,
) -> None:
    """Find the capacity, then send mixed lengths at 70 % of it, in Poisson arrivals."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress) as server:
            progress.step("warming up")
            measure_capacity(server, MIXED, seconds / 4)
            progress.step("capacity")
            capacity = measure_capacity(server, MIXED, seconds / 2)
            progress.step("each length alone")
            alone = times_alone(server)
            on_one_core = None
            if server.model_directory is not None:
                progress.step("each length on one core, in process")
                on_one_core = times_on_one_core(server.model_directory)
            progress.step(f"{LOAD:.0%} of the capacity")
            arrivals = poisson(LOAD * capacity.texts, seconds)
            lengths = MIXED.sample(len(arrivals))
            job = OpenJob(
                server.host,
                server.port,
                seconds,
                text_requests(server, "text", lengths),
                arrivals=[(at, number) for number, at in enumerate(arrivals)],
            )
            answers = run_open_loop(job).sent_within(WARM_SHARE * seconds, seconds)
        columns = [f"≤ {SHORT_TOKENS} tokens", f"> {SHORT_TOKENS} tokens"]
        return server, (columns, lines_of(answers, lengths, alone, on_one_core))

    tell(f"Steady load, {LOAD:.0%} of the capacity for {seconds:g} s", measure)


def times_alone(server: Server) -> list[float]:
    """Seconds of a text of each length of the grid that is alone in the service: medians."""
    lengths = _shuffled_grid()
    return _medians(lengths, measure_alone(server, lengths))


def times_on_one_core(model: Path) -> list[float]:
    """Seconds of a run of each length of the grid in the service's session on one thread, without
    HTTP: medians. ``model`` is a version directory.
    """
    version = open_version(model)
    session = Session(version.model, pad_token_id=version.manifest.tokenizer.pad_token_id)
    lengths = _shuffled_grid()
    taken = []
    for length in lengths:
        row = Sequence(np.full(length, 5), np.zeros(length, dtype=np.int64))
        start = time.perf_counter()
        session.run([row])
        taken.append(time.perf_counter() - start)
    return _medians(lengths, taken)


def _shuffled_grid() -> list[int]:
    lengths = list(GRID) * REPEATS
    random.Random(0).shuffle(lengths)
    return lengths


def _medians(lengths: Rows[int], taken: Rows[float]) -> list[float]:
    measured = list(zip(lengths, taken, strict=True))
    return [median(seconds for asked, seconds in measured if asked == length) for length in GRID]


def multiples(answers: Answers, lengths: Rows[int], alone: Rows[float]) -> list[float]:
    """Each answer's seconds over those of a text of its length alone (``alone``: seconds of each
    length of the grid).
    """
    own = np.interp([lengths[answer.request] for answer in answers.all], GRID, alone)
    return [float(multiple) for multiple in np.asarray(answers.seconds) / own]


def lines_of(
    answers: Answers,
    lengths: Rows[int],
    alone: Rows[float],
    on_one_core: Rows[float] | None = None,
) -> list[Line]:
    """Figures of the short texts, which have a goal, and of the long ones. Times of their own are
    in seconds of each length of the grid; those on one core are known of a model at hand.
    """
    short = {number for number, length in enumerate(lengths) if length <= SHORT_TOKENS}
    groups = [
        answers.to_requests(short),
        answers.to_requests(set(range(len(lengths))) - short),
    ]
    answered = [group.with_status(200) for group in groups]
    ratios = [multiples(group, lengths, alone) for group in answered]
    lines = [
        Line(
            "texts, not answered with 200",
            [
                Cell(f"{len(all_)}, {len(all_) - len(good)}", len(all_) == len(good))
                for all_, good in zip(groups, answered, strict=True)
            ],
            "none",
        ),
        Line("p50", [quantile(group.seconds, 0.5, MS, scale=1e3) for group in answered]),
        Line("p99", [quantile(group.seconds, 0.99, MS, scale=1e3) for group in answered]),
        Line("p50, times its own alone", [quantile(group, 0.5, TIMES) for group in ratios]),
        _with_goal("p99, times its own alone", ratios),
        Line(
            f"a text of {SHORT_TOKENS}, of {GRID[-1]} tokens alone",
            [Cell(MS.format(alone[GRID.index(n)] * 1e3)) for n in (SHORT_TOKENS, GRID[-1])],
        ),
        Line(
            "sent late by, p99", [quantile(group.lateness, 0.99, MS, scale=1e3) for group in groups]
        ),
    ]
    if on_one_core is not None:
        runs = [multiples(group, lengths, on_one_core) for group in answered]
        lines.insert(5, _with_goal("p99, times its own run on one core", runs))
    return lines


def _with_goal(figure: str, ratios: Rows[Rows[float]]) -> Line:
    short, long = ratios
    cells = [quantile(short, 0.99, TIMES, limit=MULTIPLE_GOAL), quantile(long, 0.99, TIMES)]
    return Line(figure, cells, f"short ≤ {MULTIPLE_GOAL:g} ×")


if __name__ == "__main__":
    typer.run(steady)
