"""From visits to tables in Markdown, and to the goals."""

from collections.abc import Callable, Sequence
from statistics import median

from bench.peers.arrival_figures import arrival_goals, arrival_notes, arrival_tables
from bench.peers.catalogue import FP32, INT8, OURS, PEERS, named
from bench.peers.goal import P99_GOAL, Goal
from bench.peers.results import Comparison, LoadRun, Visit
from bench.peers.table import markdown, seconds_cell
from bench.statistics import paired_ratios, percentile, spread_of

CONNECTIONS = 32
"""At which every mix is measured in every round, and the goals are judged."""

MEBIBYTE = 1024 * 1024
INT8_GOAL, SAME_INT8_GOAL = 2.4, 1.1


class Figures:
    """What the visits say of each server."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.servers = list(dict.fromkeys(visit.server for visit in visits))
        self.failures = {visit.server: visit.failure for visit in visits if visit.failure}
        self._visits = {
            name: [visit for visit in visits if visit.server == name and not visit.failure]
            for name in self.servers
        }

    def runs(self, server: str, mix: str, connections: int) -> list[LoadRun]:
        """In the order of the rounds; empty where it was not measured."""
        return [run for _, run in self._numbered(server, mix, connections)]

    def speeds(self, server: str, mix: str, connections: int = CONNECTIONS) -> list[float]:
        """Texts per second of each round."""
        return [run.texts_per_second for run in self.runs(server, mix, connections)]

    def shares(self, server: str, other: str, mix: str) -> list[float]:
        """Texts per second over those of ``other``, in each round in which both were measured."""
        left = dict(self._numbered(server, mix, CONNECTIONS))
        right = dict(self._numbered(other, mix, CONNECTIONS))
        rounds = sorted(left.keys() & right.keys())
        return paired_ratios(
            [left[number].texts_per_second for number in rounds],
            [right[number].texts_per_second for number in rounds],
        )

    def middle_speed(self, server: str, mix: str) -> float:
        """Median of ``speeds``, of which there must be one."""
        return median(self.speeds(server, mix))

    def middle_speeds(self, mix: str) -> dict[str, float]:
        """Of every server that was measured."""
        return {
            each: self.middle_speed(each, mix) for each in self.servers if self.speeds(each, mix)
        }

    def latency(
        self, server: str, mix: str, share: float, connections: int = CONNECTIONS
    ) -> float | None:
        """The percentile of all rounds together, seconds."""
        latencies = [each for run in self.runs(server, mix, connections) for each in run.latencies]
        return percentile(latencies, share) if latencies else None

    def of_visits(self, server: str, figure: Callable[[Visit], float]) -> float | None:
        """The median over the visits."""
        values = [figure(visit) for visit in self._visits[server]]
        return median(values) if values else None

    @property
    def mixes(self) -> list[str]:
        """In the order of their first run."""
        return list(dict.fromkeys(run.mix for run in self._all_runs()))

    def connections(self, mix: str) -> list[int]:
        """At which ``mix`` was measured."""
        return sorted({run.connections for run in self._all_runs() if run.mix == mix})

    def best_peer(self, mix: str, precision: str) -> str | None:
        """The peer with the highest median of texts per second."""
        names = [named(peer.name, precision) for peer in PEERS]
        measured = [name for name in names if self.speeds(name, mix)]
        return max(measured, key=lambda name: self.middle_speed(name, mix), default=None)

    def _numbered(self, server: str, mix: str, connections: int) -> list[tuple[int, LoadRun]]:
        """Each run with its round."""
        return [
            (visit.round, run)
            for visit in self._visits.get(server, [])
            for run in visit.runs
            if (run.mix, run.connections) == (mix, connections)
        ]

    def _all_runs(self) -> list[LoadRun]:
        return [run for visits in self._visits.values() for visit in visits for run in visit.runs]


def tables(comparison: Comparison) -> list[str]:
    """All of them, each with its heading."""
    figures = Figures(comparison.visits)
    parts = [
        f"### {mix.capitalize()} lengths, {CONNECTIONS} connections\n\n{_mix_table(figures, mix)}"
        for mix in figures.mixes
    ]
    parts += [
        f"### {mix.capitalize()} lengths, by connections\n\n{_connections_table(figures, mix)}"
        for mix in figures.mixes
        if len(figures.connections(mix)) > 1
    ]
    parts += arrival_tables(comparison.arrivals)
    parts.append(f"### Memory and idling\n\n{_holdings_table(figures)}")
    found = goals(figures) + arrival_goals(comparison.arrivals)
    parts.append(f"### Goals\n\n{_goals_table(found)}")
    parts.append(f"### Versions\n\n{_versions_table(comparison.versions)}")
    notes = _notes(figures, comparison)
    return [*parts, f"### What went wrong\n\n{notes}"] if notes else parts


def goals(figures: Figures) -> list[Goal]:
    """Those that the measured servers allow to judge."""
    found = []
    for mix in figures.mixes:
        best = figures.best_peer(mix, FP32)
        if best is None or not figures.shares(OURS, best, mix):
            continue
        found.append(
            _speed_goal(figures, mix, OURS, best, 1.0, f"{mix}: more texts/s than the best peer")
        )
        found.append(_p99_goal(figures, mix))
        ours_int8 = named(OURS, INT8)
        if figures.shares(ours_int8, best, mix):
            what = f"{mix}: int8 over the best peer's fp32 ≥ {INT8_GOAL}"
            found.append(_speed_goal(figures, mix, ours_int8, best, INT8_GOAL, what))
            best_int8 = figures.best_peer(mix, INT8)
            if best_int8 is not None and figures.shares(ours_int8, best_int8, mix):
                what = f"{mix}: int8 over the best peer's with the same file ≥ {SAME_INT8_GOAL}"
                found.append(_speed_goal(figures, mix, ours_int8, best_int8, SAME_INT8_GOAL, what))
    return found + _holdings_goals(figures)


def _speed_goal(figures: Figures, mix: str, ours: str, peer: str, least: float, what: str) -> Goal:
    share = spread_of(figures.shares(ours, peer, mix))
    reached = f"{share.median:.2f} ({share.lowest:.2f} – {share.highest:.2f}; {peer})"
    return Goal(what, reached, share.median >= least)


def _p99_goal(figures: Figures, mix: str) -> Goal:
    peers = {}
    for peer in PEERS:
        slowest = figures.latency(peer.name, mix, 0.99)
        if slowest is not None:
            peers[peer.name] = slowest
    best = min(peers, key=lambda name: peers[name])
    ours = figures.latency(OURS, mix, 0.99)
    assert ours is not None
    share = ours / peers[best]
    what = f"{mix}: p99 over the lowest of the peers' ≤ {P99_GOAL}"
    return Goal(what, f"{share:.2f} ({best})", share <= P99_GOAL)


def _holdings_goals(figures: Figures) -> list[Goal]:
    found = []
    for what, figure, form in (
        ("resident memory below all", _resident, "{:.0f} MiB"),
        ("idle processor time at most that of all", _idle, "{:.1%} of a core"),
    ):
        ours = figures.of_visits(OURS, figure) if OURS in figures.servers else None
        peers = {
            peer.name: value
            for peer in PEERS
            if peer.name in figures.servers
            and (value := figures.of_visits(peer.name, figure)) is not None
        }
        if ours is None or not peers:
            continue
        best = min(peers, key=lambda name: peers[name])
        reached = f"{form.format(ours)}; {best} {form.format(peers[best])}"
        found.append(Goal(what, reached, ours <= peers[best]))
    return found


def _resident(visit: Visit) -> float:
    assert visit.memory is not None
    return visit.memory.resident_bytes / MEBIBYTE


def _proportional(visit: Visit) -> float:
    assert visit.memory is not None
    return visit.memory.proportional_bytes / MEBIBYTE


def _idle(visit: Visit) -> float:
    return visit.idle_cores


def _mix_table(figures: Figures, mix: str) -> str:
    header = ["server", "texts/s", "range", f"share of {OURS}'s", "p50, s", "p99, s", "cores"]
    rows = []
    for server in figures.servers:
        runs = figures.runs(server, mix, CONNECTIONS)
        if not runs:
            rows.append([server, *["–"] * (len(header) - 1)])
            continue
        speed = spread_of(figures.speeds(server, mix))
        shares = figures.shares(server, OURS, mix)
        rows.append(
            [
                server,
                f"{speed.median:.1f}",
                f"{speed.lowest:.1f} – {speed.highest:.1f}",
                f"{median(shares):.2f}" if shares else "–",
                seconds_cell(figures.latency(server, mix, 0.50)),
                seconds_cell(figures.latency(server, mix, 0.99)),
                f"{median(run.cpu_seconds / run.seconds for run in runs):.2f}",
            ]
        )
    return markdown(header, rows)


def _connections_table(figures: Figures, mix: str) -> str:
    counts = figures.connections(mix)
    header = ["server"]
    for count in counts:
        header += [f"{count}: texts/s", "p50, s", "p99, s"]
    rows = []
    for server in figures.servers:
        row = [server]
        for count in counts:
            speeds = figures.speeds(server, mix, count)
            row += [
                f"{median(speeds):.1f}" if speeds else "–",
                seconds_cell(figures.latency(server, mix, 0.50, count)),
                seconds_cell(figures.latency(server, mix, 0.99, count)),
            ]
        rows.append(row)
    return markdown(header, rows)


def _holdings_table(figures: Figures) -> str:
    columns: dict[str, tuple[Callable[[Visit], float], str]] = {
        "resident, MiB": (_resident, "{:.0f}"),
        "proportional, MiB": (_proportional, "{:.0f}"),
        "idle, share of a core": (_idle, "{:.1%}"),
        "start to first answer, s": (lambda visit: visit.ready_seconds, "{:.1f}"),
    }
    rows = []
    for server in figures.servers:
        row = [server]
        for figure, form in columns.values():
            value = figures.of_visits(server, figure)
            row.append("–" if value is None else form.format(value))
        rows.append(row)
    return markdown(["server", *columns], rows)


def _goals_table(found: Sequence[Goal]) -> str:
    rows = [[each.goal, each.reached, "✓" if each.met else "✗"] for each in found]
    return markdown(["goal", "reached", ""], rows, alignment="---")


def _versions_table(versions: dict[str, dict[str, str]]) -> str:
    rows = [
        [name, ", ".join(f"{package} {number}" for package, number in packages.items())]
        for name, packages in versions.items()
    ]
    return markdown(["environment", "versions"], rows, alignment="---")


def _notes(figures: Figures, comparison: Comparison) -> str:
    """What must not be overlooked: servers that failed, answers that were refused."""
    lines = [f"- {name}: {_one_line(why)}" for name, why in figures.failures.items()]
    for visit in comparison.visits:
        lines += [f"- {visit.server}, {_one_line(why)}" for why in visit.unfinished]
        for run in visit.runs:
            where = f"{visit.server}, {run.mix}, {run.connections} connections"
            where += f", round {visit.round + 1}"
            if run.refusals:
                told = ", ".join(f"{count} x {status}" for status, count in run.refusals.items())
                lines.append(f"- {where}: answers other than 200: {told}")
            if run.resent:
                lines.append(f"- {where}: {run.resent} connections broke before their answer")
    lines += [f"- {_one_line(each)}" for each in arrival_notes(comparison.arrivals)]
    return "\n".join(lines)


def _one_line(text: str, characters: int = 400) -> str:
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1]}…"
