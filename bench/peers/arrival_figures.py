"""From runs under the same arrivals to tables in Markdown, and to goals."""

from collections.abc import Sequence

from bench.lengths import SHORT_TOKENS
from bench.peers.catalogue import FP32, INT8, OURS, PEERS, named
from bench.peers.goal import P99_GOAL, Goal
from bench.peers.results import ArrivalRun
from bench.peers.table import markdown, seconds_cell
from bench.statistics import percentile


def arrival_tables(runs: Sequence[ArrivalRun]) -> list[str]:
    """One for each mix and precision, with its heading."""
    parts = []
    for mix in dict.fromkeys(run.mix for run in runs):
        for precision in (FP32, INT8):
            names = [named(each, precision) for each in (OURS, *(peer.name for peer in PEERS))]
            theirs = [run for run in runs if run.mix == mix and run.server in names]
            if theirs:
                heading = f"### {mix.capitalize()} lengths, the same arrivals for all: {precision}"
                parts.append(f"{heading}\n\n{_table(theirs, names)}")
    return parts


def arrival_goals(runs: Sequence[ArrivalRun]) -> list[Goal]:
    """Of this service's p99 beside the lowest of the peers', with fp32."""
    found = []
    for mix, share in dict.fromkeys((run.mix, run.share) for run in runs):
        at_share = [run for run in runs if (run.mix, run.share) == (mix, share)]
        lowest = {
            name: percentile(latencies, 0.99)
            for name in (OURS, *(peer.name for peer in PEERS))
            if (latencies := _latencies(at_share, name))
        }
        ours = lowest.pop(OURS, None)
        if ours is None or not lowest:
            continue
        best = min(lowest, key=lambda name: lowest[name])
        ratio = ours / lowest[best]
        what = f"{mix}, arrivals at {share:.0%} of the best peer's speed: p99 over the lowest of "
        what += f"the peers' ≤ {P99_GOAL}"
        found.append(Goal(what, f"{ratio:.2f} ({best})", ratio <= P99_GOAL))
    return found


def arrival_notes(runs: Sequence[ArrivalRun]) -> list[str]:
    """Runs in which not every text was answered."""
    return [
        f"{run.server}, {run.mix}, arrivals of {run.rate:.1f} texts/s: "
        + (run.failure or f"{run.failed} not answered with 200")
        for run in runs
        if run.failed or run.failure
    ]


def _table(runs: Sequence[ArrivalRun], names: Sequence[str]) -> str:
    columns = ((0.5, None), (0.99, None), (0.99, SHORT_TOKENS))
    header = ["server"]
    rates = dict.fromkeys((run.share, run.rate) for run in runs)
    for share, rate in rates:
        header += [f"{share:.0%}, {rate:.1f} texts/s: p50, s", "p99, s"]
        header.append(f"p99 ≤ {SHORT_TOKENS} tokens, s")
    rows = []
    for name in names:
        row = [name]
        for share, _ in rates:
            at_share = [run for run in runs if run.share == share]
            for part, longest in columns:
                latencies = _latencies(at_share, name, longest)
                value = percentile(latencies, part) if latencies else None
                row.append(seconds_cell(value))
        if set(row[1:]) != {seconds_cell(None)}:
            rows.append(row)
    return markdown(header, rows)


def _latencies(runs: Sequence[ArrivalRun], server: str, longest: int | None = None) -> list[float]:
    """Seconds of all turns, of texts up to ``longest`` tokens."""
    return [
        seconds
        for run in runs
        if run.server == server
        for seconds, tokens in zip(run.latencies, run.tokens, strict=True)
        if longest is None or tokens <= longest
    ]
