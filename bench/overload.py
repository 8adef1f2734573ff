"""``python -m bench.overload``: what is answered, refused and told beyond the capacity."""

from typing import Annotated

import typer

from bench.lengths import MIXED
from bench.open_loop_capacity import measure_capacity
from bench.open_loop_cli import ModelPath, Models, Table, Turns, Url, tell
from bench.open_loop_server import Choice, Server, serving
from bench.overload_burst import measure_burst
from bench.overload_table import table_of
from bench.overload_turn import CLOSED_SHARE, Turn, measure_turn
from bench.progress import Progress
from bench.rounds import rotated

LEVELS = (2, 5, 10)


def overload(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    seconds: Annotated[
        float, typer.Option(help="Of each level in each turn; a closed loop is half.", min=0.5)
    ] = 60.0,
    turns: Turns = 3,
    burst_seconds: Annotated[
        float, typer.Option(help="Of work in the burst: several times what may wait.", min=0.1)
    ] = 10.0,
) -> None:
    """Find the capacity, then ask for 2, 5 and 10 times as much, whatever the answers are."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress) as server:
            progress.step("warming up")
            measure_capacity(server, MIXED, seconds / 4)
            measured = measure_turns(server, turns, seconds, progress)
            progress.step("a burst of callers who all obey")
            burst = measure_burst(server, measured[-1].after, burst_seconds)
        return server, table_of(measured, burst)

    tell(f"Overload, {turns} × {seconds:g} s a level", measure)


def measure_turns(server: Server, turns: int, seconds: float, progress: Progress) -> list[Turn]:
    """Every level ``turns`` times, in the order in which they were measured: each turn begins with
    the next level, and takes ``seconds``. Closed loops stand before, between and after them.
    """
    progress.step("capacity")
    before = measure_capacity(server, MIXED, CLOSED_SHARE * seconds)
    measured = []
    for number in range(turns):
        for factor in rotated(LEVELS, number):
            turn = measure_turn(server, before, factor, seconds, number, progress)
            measured.append(turn)
            before = turn.after
    return measured


if __name__ == "__main__":
    typer.run(overload)
