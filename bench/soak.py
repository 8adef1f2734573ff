"""``python -m bench.soak``: resident memory under every length and batch size, for hours."""

import random
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from bench.open_loop import Answers, OpenLoopProcess
from bench.open_loop_cli import ModelPath, Models, Table, Url, tell
from bench.open_loop_job import Callers, OpenJob, Request
from bench.open_loop_server import Choice, Server, serving
from bench.open_loop_table import Cell, Line
from bench.open_loop_texts import body_of, distinct_texts
from bench.progress import Progress
from bench.soak_arena import RUNS, Arena, measure_arena
from service.runtime.cores import available_cores

SAMPLE_SECONDS = 10.0
BASELINE_SHARE = 1 / 12
"""Of the time, after which the memory is compared with: five minutes of an hour."""
CALLERS = 4
REQUESTS = 1024
"""Different ones; they come again after so many."""
SHORTEST, LONGEST = 6, 510
MOST_TEXTS = 32
SPREAD = 0.1
"""Of the lengths in one request, which are alike, so that they share batches of every size."""
PATIENCE = {"X-Request-Timeout": "600"}
ROOM = ("--max-queue-seconds", "600")
MEBIBYTE = 1024 * 1024
GROWTH_GOAL = 1.10


def soak(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    seconds: Annotated[float, typer.Option(help="How long.", min=1)] = 3600.0,
    sample_seconds: Annotated[
        float, typer.Option(help="Between two readings of the memory.", min=0.1)
    ] = SAMPLE_SECONDS,
    arena_runs: Annotated[
        int, typer.Option(help="Of the measured model in process, to see the arena.", min=4)
    ] = RUNS,
) -> None:
    """Keep the service busy with texts of every length in every number, and read its memory."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress, *ROOM) as server:
            start = server.resident_bytes()
            job = OpenJob(
                server.host,
                server.port,
                seconds,
                requests := soaking_requests(server.path),
                callers=[Callers(CALLERS, list(range(len(requests))))],
            )
            with OpenLoopProcess(job) as process:
                readings = list(read_memory(server, process, seconds, sample_seconds, progress))
                answers = process.answers()
            held = None
            if (model := server.model_directory) is not None:
                progress.step("the arena, in process")
                held = measure_arena(model, available_cores(), arena_runs)
        return server, (["measured"], lines_of(start, readings, answers, seconds, held))

    tell(f"Soak, {seconds:g} s", measure)


def soaking_requests(path: str, count: int = REQUESTS, seed: int = 0) -> list[Request]:
    """``count`` requests of 1 to 32 texts (each doubling of the number as likely as any other) of
    like lengths, every length as likely as any other.
    """
    source = random.Random(seed)
    requests = []
    for number in range(count):
        texts = round(MOST_TEXTS ** source.random())
        length = source.randint(SHORTEST, LONGEST)
        lengths = [
            max(SHORTEST, round(length * source.uniform(1 - SPREAD, 1))) for _ in range(texts)
        ]
        inputs = distinct_texts(lengths, seed=number)
        requests.append(Request("soak", path, body_of(inputs), PATIENCE))
    return requests


def read_memory(
    server: Server,
    process: OpenLoopProcess,
    seconds: float,
    sample_seconds: float,
    progress: Progress,
) -> Iterator[tuple[float, float]]:
    """Seconds after the start and resident bytes, every ``sample_seconds`` until ``seconds`` are
    over.
    """
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds and process.is_running:
        time.sleep(min(sample_seconds, max(0.0, seconds - now)))
        resident = server.resident_bytes()
        now = time.monotonic() - start
        progress.step(f"{now:.0f} of {seconds:g} s, {resident / MEBIBYTE:.0f} MiB")
        yield now, resident


def baseline(readings: list[tuple[float, float]], seconds: float) -> tuple[float, float]:
    """The first reading after a twelfth of ``seconds``."""
    return next(
        (reading for reading in readings if reading[0] >= BASELINE_SHARE * seconds), readings[-1]
    )


def lines_of(
    start: float,
    readings: list[tuple[float, float]],
    answers: Answers,
    seconds: float,
    arena: Arena | None,
) -> list[Line]:
    """The table's lines; ``start`` is resident bytes before the first request."""
    early, early_bytes = baseline(readings, seconds)
    last, last_bytes = readings[-1]
    highest = max(resident for _, resident in readings)
    growth = last_bytes / early_bytes
    failed = answers.without_status(200, 429)
    lines = [
        Line("resident memory before the first request", [_mebibytes(start)]),
        Line(f"after {early:.0f} s", [_mebibytes(early_bytes)]),
        Line(f"after {last:.0f} s", [_mebibytes(last_bytes)]),
        Line(
            f"after {last:.0f} s over after {early:.0f} s",
            [Cell(f"{growth:.3f}", growth <= GROWTH_GOAL)],
            f"≤ {GROWTH_GOAL:g}",
        ),
        Line("highest of all readings", [_mebibytes(highest)]),
        Line("requests answered, tokens", [_answered(answers)]),
        Line("answered with another status than 200 or 429", [_none(failed)], "none"),
    ]
    if arena is not None:
        lines += [
            Line("onnxruntime's arena with the model loaded", [_mebibytes(arena.loaded_bytes)]),
            Line(
                f"after a quarter of {arena.runs} runs of every shape",
                [_mebibytes(arena.quarter_bytes)],
            ),
            Line(f"after all {arena.runs} runs", [_mebibytes(arena.final_bytes)]),
        ]
    return lines


def _mebibytes(count: float) -> Cell:
    return Cell(f"{count / MEBIBYTE:.1f} MiB")


def _answered(answers: Answers) -> Cell:
    good = answers.with_status(200)
    return Cell(f"{len(good)}, {good.tokens}")


def _none(failed: Answers) -> Cell:
    """How many, and of which statuses: 0 is of those that did not come."""
    count = len(failed)
    statuses = sorted({answer.status for answer in failed.all})
    shown = f"{count} ({', '.join(map(str, statuses))})" if count else "0"
    return Cell(shown, count == 0)


if __name__ == "__main__":
    typer.run(soak)
