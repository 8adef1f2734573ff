"""``python -m bench.simulate``: what the service would do, without the machine.

``compare`` measures the service and simulates it under the same loads; ``measure`` writes what a
simulation needs to know of a model on this machine. ``closed``, ``replay``, ``bulk`` and ``fleet``
need no more than that.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console

from bench.checkpoints import BASE, Shape
from bench.errors import BenchError
from bench.lengths import MIXED, MIXES
from bench.machine import describe_machine
from bench.progress import Progress
from bench.simulation import Settings
from bench.simulation_bulk import beside_bulk, capacity_tokens
from bench.simulation_compare import GOAL, Comparison, Plan, compare
from bench.simulation_fleet import Choice, Fleet, run_fleet
from bench.simulation_load import (
    Outcome,
    Simulated,
    closed_loop,
    open_loop,
    read_arrivals,
    write_arrivals,
)
from bench.simulation_measure import RunTimer, measure_http
from bench.simulation_profile import Profile
from bench.statistics import percentile
from bench.subject import NAME, export_model
from service.runtime.cores import available_cores
from service.scheduling.batch_limits import BatchLimits

FAILED = 1
FLEET_COLUMNS = (
    "replicas", "texts/s each", "choice", "requests", "p50, ms", "p99, ms", "refused", "took, s",
)  # fmt: skip
BULK_COLUMNS = (
    "interactive", "alone: p50, ms", "p99, ms", "beside bulk: p50, ms", "p99, ms", "times alone",
    "bulk's share",
)  # fmt: skip
DEFAULT = Settings()
HTTP_TEXTS = 2048

FULL = Plan(
    shape=BASE,
    mix=MIXED,
    rounds=3,
    texts=256,
    connections=(8, 32, 128),
    capacity_connections=32,
    run_seconds=20.0,
    open_seconds=45.0,
)
QUICK = Plan(
    shape=Shape(vocab_size=30_000, max_position_embeddings=512),
    mix=MIXED,
    rounds=1,
    texts=64,
    connections=(4, 8),
    capacity_connections=8,
    run_seconds=0.5,
    open_seconds=1.0,
)
"""Shows that everything runs; its figures mean nothing."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What the service would do, without the machine.",
    epilog="closed, replay, bulk and fleet need what measure wrote of a model, and no more.",
)

MixName = StrEnum("MixName", list(MIXES))  # type: ignore[misc]
ProfileFile = Annotated[Path, typer.Argument(metavar="PROFILE", help="What measure wrote.")]
Mix = Annotated[MixName, typer.Option(help="Lengths of the texts.")]
BatchTokens = Annotated[int, typer.Option(help="Padded tokens in one run.", min=1)]
Waste = Annotated[float, typer.Option(help="Most padding in a run, as a share.", min=0, max=1)]
QueueSeconds = Annotated[float, typer.Option(help="Predicted work that may wait.", min=0)]
Timeout = Annotated[float, typer.Option(help="Deadline of a request, seconds.", min=0)]

BATCH_TOKENS, WASTE = DEFAULT.limits.tokens, DEFAULT.limits.waste
DEFAULT_MIX = MixName(MIXED.name)
EVERY_CHOICE = list(Choice)


@app.command("measure")
def measure_profile(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="File to write.")],
    version: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="DIR", help="models/NAME/VERSION. Default: random, ALBERT-base."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="For run times.", min=0)] = 60.0,
) -> None:
    """Measure run times in process and the cost of HTTP, and write them down."""
    with _telling() as progress, TemporaryDirectory(prefix="albert-bench-") as directory:
        progress.step("the cost of HTTP")
        http_seconds = measure_http(Path(directory, "thin"), MIXED.sample(HTTP_TEXTS))
        if version is None:
            progress.step("exporting the model")
            version = export_model(BASE, Path(directory, "measured")) / NAME / "1"
        progress.step("run times")
        timer = RunTimer(version, available_cores())
        timer.measure(seconds)
        measured = Profile(available_cores(), timer.narrow, timer.wide, http_seconds, timer.packs)
        measured.write(profile)
    print(_about(measured))


@app.command("compare")
def compare_with_service(
    quick: Annotated[
        bool, typer.Option("--quick", help="Show in seconds that everything runs; no figures.")
    ] = False,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what the simulation knew there.")
    ] = None,
    arrivals: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the last recorded arrivals there.")
    ] = None,
) -> None:
    """Measure the service and simulate it under the same loads."""
    machine = describe_machine()
    with _telling() as progress, TemporaryDirectory(prefix="albert-bench-") as directory:
        compared = compare(QUICK if quick else FULL, Path(directory), progress)
    if profile is not None:
        compared.profile.write(profile)
    if arrivals is not None:
        write_arrivals(arrivals, compared.arrivals)
    print(
        f"{machine.processor}, {machine.cores} cores; commit {machine.commit or 'unknown'}; "
        f"{machine.started}, load average just before {machine.load_before:.2f}."
    )
    print(_about(compared.profile))
    print()
    print(_comparison_table(compared.comparisons))


@app.command("closed")
def simulate_closed_loop(
    profile: ProfileFile,
    connections: Annotated[list[int], typer.Option("-c", help="Once for each.", min=1)],
    mix: Mix = DEFAULT_MIX,
    texts: Annotated[int, typer.Option(help="Texts in all.", min=1)] = 2048,
    batch_tokens: BatchTokens = BATCH_TOKENS,
    waste: Waste = WASTE,
) -> None:
    """Simulate connections that each send the next text when they have their answer."""
    with _telling():
        known = Profile.read(profile)
    settings = Settings(BatchLimits(batch_tokens, waste), max_queue_seconds=float("inf"))
    lengths = MIXES[mix].sample(texts)
    runs = {
        f"{count} connections": closed_loop(known, settings, lengths, count)
        for count in connections
    }
    print(_simulated_table(runs, known))


@app.command("replay")
def replay_arrivals(
    profile: ProfileFile,
    arrivals: Annotated[
        Path, typer.Argument(metavar="ARRIVALS", help='Lines of {"at": 0.25, "lengths": [23]}.')
    ],
    batch_tokens: BatchTokens = BATCH_TOKENS,
    waste: Waste = WASTE,
    max_queue_seconds: QueueSeconds = DEFAULT.max_queue_seconds,
    timeout: Timeout = DEFAULT.timeout_seconds,
) -> None:
    """Simulate recorded arrivals."""
    with _telling():
        known, recorded = Profile.read(profile), read_arrivals(arrivals)
    settings = Settings(BatchLimits(batch_tokens, waste), max_queue_seconds, timeout)
    print(_simulated_table({arrivals.name: open_loop(known, settings, recorded)}, known))


@app.command("bulk")
def simulate_bulk(
    profile: ProfileFile,
    load: Annotated[
        list[float], typer.Option(help="Share of the capacity; once for each.", min=0.01)
    ],
    callers: Annotated[int, typer.Option(help="With bulk, always asking.", min=1)] = 32,
    seconds: Annotated[float, typer.Option(help="Virtual time.", min=1)] = 600.0,
) -> None:
    """Simulate interactive callers alone, and beside bulk."""
    with _telling():
        known = Profile.read(profile)
    capacity = capacity_tokens(known)
    rows = []
    for each in load:
        alone, beside = (
            beside_bulk(known, each * capacity, count, seconds) for count in (0, callers)
        )
        p99 = [percentile(run.interactive.latencies, 0.99) for run in (alone, beside)]
        rows.append(
            [
                f"{each:.0%}",
                *_latencies(alone.interactive),
                *_latencies(beside.interactive),
                f"{p99[1] / p99[0]:.2f}",
                f"{beside.bulk_share:.1%}",
            ]
        )
    print(_table(BULK_COLUMNS, rows))


@app.command("fleet")
def simulate_fleet(
    profile: ProfileFile,
    replicas: Annotated[list[int], typer.Option("-r", help="Once for each.", min=1)],
    rate: Annotated[list[float], typer.Option(help="Texts a second a replica; once for each.")],
    choice: Annotated[
        list[Choice], typer.Option(help="How the balancer chooses; once for each.")
    ] = EVERY_CHOICE,
    mix: Mix = DEFAULT_MIX,
    seconds: Annotated[float, typer.Option(help="Virtual time of arrivals.", min=0)] = 60.0,
    warm_up: Annotated[float, typer.Option(help="Of it, not counted.", min=0)] = 10.0,
    max_queue_seconds: QueueSeconds = DEFAULT.max_queue_seconds,
    timeout: Timeout = DEFAULT.timeout_seconds,
) -> None:
    """Simulate many replicas behind one balancer, with Poisson arrivals."""
    with _telling() as progress:
        known = Profile.read(profile)
        settings = Settings(max_queue_seconds=max_queue_seconds, timeout_seconds=timeout)
        rows = []
        for count in replicas:
            for each_rate in rate:
                for way in choice:
                    progress.step(f"{count} replicas, {each_rate:g}/s each, {way}")
                    fleet = Fleet(count, each_rate, MIXES[mix], way, seconds, warm_up)
                    start = perf_counter()
                    outcome = run_fleet(known, settings, fleet)
                    rows.append(_fleet_row(fleet, outcome, perf_counter() - start))
    print(_table(FLEET_COLUMNS, rows))


@contextmanager
def _telling() -> Iterator[Progress]:
    """Says what is done, and what went wrong."""
    try:
        with Progress(Console(stderr=True)) as progress:
            yield progress
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(FAILED) from error


def _about(profile: Profile) -> str:
    shapes = profile.narrow.shapes
    wide = "" if profile.wide is None else f"; of wide runs {profile.wide.error:.1%}"
    return (
        f"{profile.workers} workers, {sum(shape.runs for shape in shapes)} runs of {len(shapes)} "
        f"shapes; the fitted cost model is off by {profile.narrow.error:.1%} (rms over the shapes"
        f"{wide}); HTTP {1000 * profile.http_seconds:.2f} ms a request."
    )


def _comparison_table(comparisons: Sequence[Comparison]) -> str:
    rows = []
    for each in comparisons:
        verdict = ("✓" if abs(each.difference) <= GOAL else "✗") if each.judged else ""
        rows.append(
            [
                each.load,
                each.figure,
                f"{each.predicted:.4g}",
                f"{each.measured:.4g}",
                f"{each.difference:+.1%} {verdict}".strip(),
            ]
        )
    return _table(["load", "figure", "predicted", "measured", "difference"], rows)


def _simulated_table(runs: dict[str, Simulated], profile: Profile) -> str:
    rows = []
    for load, run in runs.items():
        outcome, work = run.outcome, run.work
        busy = work.worker_seconds / (profile.workers * outcome.seconds)
        rows.append(
            [
                load,
                f"{outcome.answers_per_second:.2f}",
                *_latencies(outcome),
                f"{run.waste:.1%}",
                f"{work.padded_tokens / work.runs:.0f}",
                f"{busy:.1%}",
                _refused(outcome),
            ]
        )
    return _table(
        ["load", "texts/s", "p50, ms", "p99, ms", "padding", "tokens a run", "busy", "refused"],
        rows,
    )


def _fleet_row(fleet: Fleet, outcome: Outcome, seconds: float) -> list[str]:
    requests = len(outcome.latencies) + outcome.refusals.total()
    return [
        str(fleet.replicas),
        f"{fleet.rate:g}",
        fleet.choice,
        str(requests),
        *_latencies(outcome),
        _refused(outcome),
        f"{seconds:.1f}",
    ]


def _latencies(outcome: Outcome) -> list[str]:
    if not outcome.latencies:
        return ["none", "none"]
    return [f"{1000 * percentile(outcome.latencies, share):.4g}" for share in (0.50, 0.99)]


def _refused(outcome: Outcome) -> str:
    refused = outcome.refusals.total()
    return f"{refused / (refused + len(outcome.latencies)):.2%}" if refused else "0"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["--:"] * (len(columns) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    app()
