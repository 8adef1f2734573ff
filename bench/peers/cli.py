"""``python -m bench.peers``: installs the peers, measures, and writes tables and a plot."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.checkpoints import BASE, Shape
from bench.errors import BenchError
from bench.lengths import MIXED, MIXES
from bench.marked_page import split_page
from bench.peers.arrivals import Arrivals
from bench.peers.catalogue import PEERS
from bench.peers.compare import compare
from bench.peers.environments import make_environment
from bench.peers.figures import CONNECTIONS, Figures, tables
from bench.peers.measure import INT8_TEXTS, Load
from bench.peers.page import BEGIN, END, write_tables
from bench.peers.results import Comparison
from bench.peers.stored import read_comparison
from bench.repository import ROOT

REFUSED = 1
OTHER_CONNECTIONS = [1, 8, 128]
QUICK_SHAPE = Shape(max_position_embeddings=512)
QUICK_SECONDS = 1.0
PEER_NAMES = [peer.environment for peer in PEERS]
INT8_PEERS = ["fastapi", "mosec"]
MIX_NAMES = list(MIXES)


def main() -> None:
    """Run the command line."""
    typer.run(_compare)


def _known_one(names: Sequence[str]) -> Callable[[str], str]:
    every = _known(names)
    return lambda name: every([name])[0]


def _known(names: Sequence[str]) -> Callable[[list[str]], list[str]]:
    def check(chosen: list[str]) -> list[str]:
        for name in chosen:
            if name not in names:
                raise typer.BadParameter(f"{name} is none of {', '.join(names)}")
        return chosen

    return check


def _compare(
    environments: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the peers' environments are made.")
    ] = ROOT / ".peers",
    peer: Annotated[
        list[str], typer.Option(callback=_known(PEER_NAMES), help="Which peers.")
    ] = PEER_NAMES,
    int8_peer: Annotated[
        list[str],
        typer.Option(callback=_known(PEER_NAMES), help="Which of them get the int8 file too."),
    ] = INT8_PEERS,
    mix: Annotated[
        list[str],
        typer.Option(callback=_known(MIX_NAMES), help=f"Mixes at {CONNECTIONS} connections."),
    ] = MIX_NAMES,
    counts_mix: Annotated[
        list[str],
        typer.Option(
            callback=_known(MIX_NAMES),
            help="Mixes that are measured at the other numbers of connections too, in one round.",
        ),
    ] = MIX_NAMES,
    connections: Annotated[
        list[int], typer.Option(min=1, help="Those other numbers of connections.")
    ] = OTHER_CONNECTIONS,
    rounds: Annotated[
        int, typer.Option(min=1, help=f"How often each mix is run at {CONNECTIONS} connections.")
    ] = 3,
    texts: Annotated[
        int, typer.Option(min=1, help="In each run, but at least two a connection.")
    ] = 192,
    arrivals_mix: Annotated[
        str,
        typer.Option(
            callback=_known_one(MIX_NAMES), help="Mix that comes in the same arrivals for all."
        ),
    ] = MIXED.name,
    arrivals_seconds: Annotated[
        float, typer.Option(min=0, help="Of those arrivals at each rate, in each turn; 0: none.")
    ] = 40.0,
    arrivals_turns: Annotated[int, typer.Option(min=1, help="How often all take turns.")] = 2,
    batch_size: Annotated[
        int, typer.Option(min=2, help="Most texts in one run of a peer that asks for that.")
    ] = 4,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tiny model: shows that all runs, no figures.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every raw figure there (JSON).")
    ] = None,
    stored: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Measure nothing: tell what is in FILE."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the tables there. Default: docs/peers.md, quick: none."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the plot there. Default: docs/peers.svg, quick: none."
        ),
    ] = None,
) -> None:
    """Serve one exported model with this service and with its peers, under the same wrk load."""
    if not quick:
        page, plot = page or ROOT / "docs" / "peers.md", plot or ROOT / "docs" / "peers.svg"
    try:
        if page is not None:
            split_page(page, BEGIN, END)  # found wrong now, not after all the measuring
        if stored is not None:
            comparison = read_comparison(stored)
        else:
            peers = [each for each in PEERS if each.environment in peer]
            comparison = compare(
                environments,
                peers,
                [each for each in peers if each.environment in int8_peer],
                rounds_of(mix, rounds, counts_mix, connections, texts),
                Arrivals(
                    arrivals_mix,
                    min(arrivals_seconds, QUICK_SECONDS) if quick else arrivals_seconds,
                    arrivals_turns,
                ),
                batch_size,
                QUICK_SHAPE if quick else BASE,
                output,
            )
        _tell(comparison, environments, page, plot)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error


def rounds_of(
    mixes: Sequence[str],
    rounds: int,
    counts_mixes: Sequence[str],
    connections: Sequence[int],
    texts: int,
) -> list[list[Load]]:
    """What each server does in each round: all mixes, and in the first also the other counts.

    Each connection sends two texts at the least.
    """

    def load(mix: str, count: int) -> Load:
        return Load(mix, count, max(texts, 2 * count))

    every = [load(mix, CONNECTIONS) for mix in mixes]
    others = [load(mix, count) for mix in counts_mixes for count in connections]
    return [every + [other for other in others if other not in every], *[every] * (rounds - 1)]


def _tell(comparison: Comparison, environments: Path, page: Path | None, plot: Path | None) -> None:
    found = tables(comparison)
    about = (
        f"{_counts(comparison)}, all answered; batches of at most "
        f"{comparison.batch_size} in peers that ask for a size. "
        f"The measuring took {comparison.minutes:.0f} minutes."
    )
    print("\n\n".join([about, *found]))
    if page is not None:
        write_tables(page, comparison.machine, about, found)
    if plot is not None:
        _draw(Figures(comparison.visits), environments, plot)


def _counts(comparison: Comparison) -> str:
    """How many rounds and texts there were, for each number of connections."""
    runs = [(visit.round, run) for visit in comparison.visits for run in visit.runs]
    parts = []
    for count in sorted({run.connections for _, run in runs}):
        there = [(number, run) for number, run in runs if run.connections == count]
        rounds = len({number for number, _ in there})
        texts = min(run.texts for _, run in there)
        parts.append(f"{rounds} x {texts} texts over {count}")
    about = "Rounds and texts of each run: " + ", ".join(parts) + " connections"
    return about + f" ({INT8_TEXTS} times as many texts with int8)"


def _draw(figures: Figures, environments: Path, plot: Path) -> None:
    values = {
        mix: {
            server: [figures.middle_speed(server, mix), figures.latency(server, mix, 0.99)]
            for server in figures.servers
            if figures.speeds(server, mix)
        }
        for mix in figures.mixes
    }
    python = make_environment(environments, "plot")
    finished = subprocess.run(
        [str(python), "-m", "bench.peers.plot", str(plot.absolute())],
        cwd=ROOT,
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise BenchError(f"the plot failed:\n{finished.stderr.strip()}")
