"""``python -m bench.overload``: what is answered, refused and told beyond the capacity."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import typer

from bench.lengths import MIXED
from bench.open_loop import REFUSALS, Answers, run_open_loop
from bench.open_loop_arrivals import poisson, regular
from bench.open_loop_capacity import Capacity, goodput, measure_capacity, text_requests
from bench.open_loop_cli import ModelPath, Models, Table, Url, tell
from bench.open_loop_job import Callers, OpenJob, Request
from bench.open_loop_retries import told_wrong, waits
from bench.open_loop_server import Choice, Server, serving
from bench.open_loop_table import Cell, Line, at_least, at_most, quantile
from bench.overload_burst import Burst, burst_lines, measure_burst
from bench.progress import Progress
from bench.statistics import percentile
from service.runtime.cores import available_cores

LEVELS = (2, 5, 10)
MOST_TEXTS = 65_536
"""Different texts of one level; they come again after so many."""
OBEYING_CALLERS = 8
OBEYING_TOKENS = 40
LIVE_RATE, METRICS_RATE = 20.0, 5.0
"""Questions a second for health and metrics."""
MEBIBYTE = 1024 * 1024

GOODPUT_GOAL = 0.95
REFUSAL_GOAL_SECONDS = 0.020
TOLD_WRONG_GOAL = 0.05
LIVE_GOAL_SECONDS = 0.050
METRICS_GOAL_SECONDS = 0.250
MEMORY_GOAL = 1.10


@dataclass(frozen=True, slots=True)
class Level:
    """What came of an open loop at ``factor`` times the capacity."""

    factor: float
    seconds: float
    answers: Answers
    lengths: list[int]
    """Tokens of each request of the job; 0 for what has no text."""
    resident_before: float
    resident_after: float
    """Bytes."""
    service_cpu_seconds: float
    cores: int


def overload(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    seconds: Annotated[float, typer.Option(help="Of each level.", min=0.5)] = 60.0,
    burst_seconds: Annotated[
        float, typer.Option(help="Of work in the burst: several times what may wait.", min=0.1)
    ] = 10.0,
) -> None:
    """Find the capacity, then ask for 2, 5 and 10 times as much, whatever the answers are."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress) as server:
            progress.step("warming up")
            measure_capacity(server, MIXED, seconds / 4)
            progress.step("capacity")
            closed = [measure_capacity(server, MIXED, seconds)]
            levels = []
            for factor in LEVELS:
                levels.append(measure_level(server, closed[0], factor, seconds, progress))
                progress.step("capacity")
                closed.append(measure_capacity(server, MIXED, seconds))
            progress.step("a burst of callers who all obey")
            burst = measure_burst(server, closed[0], burst_seconds)
        return server, table_of(levels, closed, burst)

    tell(f"Overload, {seconds:g} s a level", measure)


def measure_level(
    server: Server, capacity: Capacity, factor: float, seconds: float, progress: Progress
) -> Level:
    """An open loop at ``factor`` times ``capacity``, and callers who obey Retry-After in it."""
    progress.step(f"{factor:g} times the capacity")
    arrivals = poisson(factor * capacity.texts, seconds, seed=int(factor))
    lengths = MIXED.sample(min(len(arrivals), MOST_TEXTS) or 1)
    requests = text_requests(server, "text", lengths, seed=int(factor))
    obeying = [OBEYING_TOKENS] * (64 * OBEYING_CALLERS)
    requests += text_requests(server, "obeying", obeying, seed=-int(factor))
    live, metrics = len(requests), len(requests) + 1
    requests += [Request("live", "/health/live"), Request("metrics", "/metrics")]
    job = OpenJob(
        server.host,
        server.port,
        seconds,
        requests,
        arrivals=[
            *((at, number % len(lengths)) for number, at in enumerate(arrivals)),
            *((at, live) for at in regular(LIVE_RATE, seconds)),
            *((at, metrics) for at in regular(METRICS_RATE, seconds)),
        ],
        callers=[Callers(OBEYING_CALLERS, list(range(len(lengths), live)), start=0.1 * seconds)],
    )
    before, cpu_seconds = server.resident_bytes(), server.cpu_seconds()
    answers = run_open_loop(job)
    return Level(
        factor,
        seconds,
        answers,
        [*lengths, *obeying, 0, 0],
        before,
        server.resident_bytes(),
        server.cpu_seconds() - cpu_seconds,
        available_cores(),
    )


def table_of(levels: list[Level], closed: list[Capacity], burst: Burst) -> Table:
    """A column for each level. Its peak is the better of the two of the ``closed`` loops that were
    measured just before and just after it: the machine's speed changes meanwhile.
    """
    around = list(pairwise(closed))
    columns = [
        _column(level, Capacity(max(before.texts, after.texts), max(before.tokens, after.tokens)))
        for level, (before, after) in zip(levels, around, strict=True)
    ]
    goals = {figure: goal for figure, (goal, _) in columns[0].items()}
    lines = [
        Line(
            "closed loop just before – after, texts/s",
            [Cell(f"{before.texts:.1f} – {after.texts:.1f}") for before, after in around]
            + [Cell("")],
        )
    ]
    lines += [
        Line(figure, [*(column[figure][1] for column in columns), Cell("")], goal)
        for figure, goal in goals.items()
    ]
    lines += burst_lines(burst, blanks=len(levels))
    return [*(f"{level.factor:g} × capacity" for level in levels), "burst, all obey"], lines


def _column(level: Level, peak: Capacity) -> dict[str, tuple[str, Cell]]:
    """Goal and cell of each figure."""
    asked = level.answers.of_kind("text", "obeying")
    arrivals = level.answers.of_kind("text")
    good = goodput(asked, level.seconds)
    answered = arrivals.with_status(200)
    refused = asked.without_status(200)
    right = refused.with_status(*REFUSALS)
    growth = level.resident_after / level.resident_before
    return {
        "requests sent": ("", Cell(str(len(asked)))),
        "goodput, share of the peak's tokens/s": (
            f"≥ {GOODPUT_GOAL:.0%}",
            at_least(good.tokens / peak.tokens, GOODPUT_GOAL, "{:.1%}"),
        ),
        "goodput, share of the peak's texts/s": ("", Cell(f"{good.texts / peak.texts:.1%}")),
        "p50 of those answered": ("", quantile(answered.seconds, 0.5, "{:.2f} s")),
        "p99 of those answered": ("", quantile(answered.seconds, 0.99, "{:.2f} s")),
        "refusals that are 429 or 504": (
            "all",
            Cell(f"{len(right)} of {len(refused)}", len(right) == len(refused)),
        ),
        "until a refusal, p99": (
            f"≤ {REFUSAL_GOAL_SECONDS * 1e3:g} ms",
            _within(right, 0.99, REFUSAL_GOAL_SECONDS),
        ),
        "until a refusal, worst": (
            f"≤ {REFUSAL_GOAL_SECONDS * 1e3:g} ms",
            _within(right, 1.0, REFUSAL_GOAL_SECONDS),
        ),
        **_retry_figures(level),
        "p99 of /health/live": (
            f"≤ {LIVE_GOAL_SECONDS * 1e3:g} ms",
            _within(level.answers.of_kind("live"), 0.99, LIVE_GOAL_SECONDS),
        ),
        "p99 of /metrics": (
            f"≤ {METRICS_GOAL_SECONDS * 1e3:g} ms",
            _within(level.answers.of_kind("metrics"), 0.99, METRICS_GOAL_SECONDS),
        ),
        "resident memory before → after": (
            f"≤ {MEMORY_GOAL - 1:.0%} more",
            Cell(
                f"{level.resident_before / MEBIBYTE:.0f} → "
                f"{level.resident_after / MEBIBYTE:.0f} MiB",
                growth <= MEMORY_GOAL,
            ),
        ),
        "cores busy with the service, with the load": ("", _busy(level)),
        "sent late by, p99": ("", quantile(asked.lateness, 0.99, "{:.1f} ms", scale=1e3)),
    }


def _retry_figures(level: Level) -> dict[str, tuple[str, Cell]]:
    refused = level.answers.of_kind("text").with_status(429)
    told = [answer.retry_after for answer in refused.all if answer.retry_after is not None]
    waited = waits(level.answers.of_kind("obeying"), level.seconds)
    first = sum(wait.refusals == 1 for wait in waited)
    too_long, too_short = told_wrong(level.answers.of_kind("text"), level.lengths)
    return {
        "Retry-After told, median (longest)": (
            "",
            Cell(f"{percentile(told, 0.5):g} ({max(told):g}) s" if told else "never"),
        ),
        "told over twice the time until room": (
            f"≤ {TOLD_WRONG_GOAL:.0%}",
            at_most(too_long, TOLD_WRONG_GOAL, "{:.1%}"),
        ),
        "told under half the time until room": (
            f"≤ {TOLD_WRONG_GOAL:.0%}",
            at_most(too_short, TOLD_WRONG_GOAL, "{:.1%}"),
        ),
        "obeying callers among those who do not: in when they first came again": (
            "",
            Cell(f"{first} of {len(waited)}"),
        ),
    }


def _busy(level: Level) -> Cell:
    longest = max(answer.at + answer.seconds for answer in level.answers.all)
    core_seconds = max(level.seconds, longest) * level.cores
    shares = (
        level.service_cpu_seconds / core_seconds,
        level.answers.load_cpu_seconds / core_seconds,
    )
    return Cell(", ".join(f"{share:.1%}" for share in shares))


def _within(answers: Answers, share: float, limit: float) -> Cell:
    return quantile(answers.seconds, share, "{:.1f} ms", scale=1e3, limit=limit)


if __name__ == "__main__":
    typer.run(overload)
