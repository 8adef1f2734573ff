"""From raw results to the rows that the terminal and the page show."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import LatencyRound, Results, Throughput, ThroughputRound
from bench.statistics import Spread, paired_differences, paired_ratios, percentile, spread_of

WASTE_GOAL = 0.05
LONE_GOAL_MS = 2.0
"""Beside the same text in process on all cores."""
READY_GOAL_SECONDS = 2.0
MEBIBYTE = 1024 * 1024
NO_MODELS = "the models directory is empty"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the median of a figure, its range over the rounds, and its goal."""

    figure: str
    value: str
    range: str = ""
    goal: str = ""
    met: bool | None = None
    """None for a figure without a goal."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the rows under it."""

    title: str
    rows: list[Row]


def sections_of(results: Results, *, cores: int) -> list[Section]:
    """All figures."""
    return [
        *(
            Section(
                f"Throughput, {each.load.mix.name} lengths, {each.load.connections} connections",
                _throughput_rows(each, cores),
            )
            for each in results.throughputs
        ),
        Section("Latency of a lone text", _latency_rows(results.latency, cores)),
        Section("Start to ready", _start_rows(results)),
        Section("Memory of the service", _memory_rows(results)),
    ]


def best_scheme(rounds: Sequence[ThroughputRound]) -> str:
    """The in-process scheme with the highest median of texts per second."""
    return max(rounds[0].schemes, key=lambda name: median(each.schemes[name] for each in rounds))


def shares_of_best(rounds: Sequence[ThroughputRound]) -> list[float]:
    """Texts per second through HTTP over those of the best scheme, in each round."""
    best = best_scheme(rounds)
    return paired_ratios(
        [each.http.texts_per_second for each in rounds], [each.schemes[best] for each in rounds]
    )


def _throughput_rows(throughput: Throughput, cores: int) -> list[Row]:
    rounds = throughput.rounds
    best = best_scheme(rounds)
    speeds = {"HTTP": [each.http.texts_per_second for each in rounds]}
    for name in rounds[0].schemes:
        label = f"{name}: best" if name == best else name
        speeds[label] = [each.schemes[name] for each in rounds]
    share = spread_of(shares_of_best(rounds))
    latencies = [seconds for each in rounds for seconds in each.http.latencies]
    core_seconds = [each.http.seconds * cores for each in rounds]
    service = paired_ratios([each.http.service_cpu_seconds for each in rounds], core_seconds)
    load = paired_ratios([each.http.load_cpu_seconds for each in rounds], core_seconds)
    switches = [each.http.service_switches / len(each.http.latencies) for each in rounds]
    waste = 1 - throughput.real_tokens / throughput.padded_tokens
    return [
        *(_row(name, spread_of(values), "{:.2f} texts/s") for name, values in speeds.items()),
        _row(
            "HTTP over the best",
            share,
            "{:.3f}",
            goal=f"≥ {throughput.load.goal}",
            met=share.median >= throughput.load.goal,
        ),
        Row("p50 through HTTP", f"{percentile(latencies, 0.50) * 1000:.0f} ms"),
        Row("p99 through HTTP", f"{percentile(latencies, 0.99) * 1000:.0f} ms"),
        Row(
            "padding among the tokens run",
            f"{waste:.1%}",
            goal=f"≤ {WASTE_GOAL:.0%}",
            met=waste <= WASTE_GOAL,
        ),
        _row("cores busy with the service", spread_of(service), "{:.1%}"),
        _row("cores busy with the load", spread_of(load), "{:.2%}"),
        _row("voluntary context switches for a text", spread_of(switches), "{:.1f}"),
    ]


def _latency_rows(rounds: Sequence[LatencyRound], cores: int) -> list[Row]:
    ways = {
        "HTTP, one connection": [each.http for each in rounds],
        "in process, 1 thread": [each.one_thread for each in rounds],
        f"in process, {cores} threads": [each.all_cores for each in rounds],
    }
    medians = {name: [median(run) * 1000 for run in runs] for name, runs in ways.items()}
    http, one_thread, all_cores = medians
    beside = {
        name: spread_of(
            [
                median(paired_differences(*runs)) * 1000
                for runs in zip(ways[http], ways[name], strict=True)
            ]
        )
        for name in (one_thread, all_cores)
    }
    return [
        *(_row(f"p50 {name}", spread_of(values), "{:.2f} ms") for name, values in medians.items()),
        _row(f"HTTP minus {one_thread}, text by text", beside[one_thread], "{:.2f} ms"),
        _row(
            f"HTTP minus {all_cores}, text by text",
            beside[all_cores],
            "{:.2f} ms",
            goal=f"≤ {LONE_GOAL_MS:g} ms",
            met=beside[all_cores].median <= LONE_GOAL_MS,
        ),
    ]


def _start_rows(results: Results) -> list[Row]:
    rows = []
    if results.default_starts is None:
        rows.append(Row("default models", "skipped", NO_MODELS))
    else:
        ready = spread_of([start.ready_seconds for start in results.default_starts])
        rows.append(
            _row(
                "default models",
                ready,
                "{:.2f} s",
                goal=f"≤ {READY_GOAL_SECONDS:g} s",
                met=ready.median <= READY_GOAL_SECONDS,
            )
        )
    return [*rows, Row("measured model", f"{results.subject_start.ready_seconds:.2f} s")]


def _memory_rows(results: Results) -> list[Row]:
    held = {}
    rows = []
    if results.default_starts is None:
        rows.append(Row("default models", "skipped", NO_MODELS))
    else:
        held["default models"] = [start.memory for start in results.default_starts]
    held["measured model"] = [results.subject_start.memory]
    held["measured model, after all runs"] = [results.subject_memory_after]
    for name, memories in held.items():
        for kind in ("resident", "proportional", "private"):
            mebibytes = [getattr(memory, f"{kind}_bytes") / MEBIBYTE for memory in memories]
            rows.append(_row(f"{name}: {kind}", spread_of(mebibytes), "{:.0f} MiB"))
    return rows


def _row(figure: str, spread: Spread, form: str, *, goal: str = "", met: bool | None = None) -> Row:
    ends = [form.format(end) for end in (spread.lowest, spread.highest)]
    shown = "" if ends[0] == ends[1] else f"{ends[0].split()[0]} – {ends[1].split()[0]}"
    return Row(figure, form.format(spread.median), shown, goal, met)
