"""What the commands of the open loop have in common: options, progress, the table on standard
output.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import BenchError
from bench.machine import describe_machine
from bench.open_loop_others import read_processors
from bench.open_loop_server import Server
from bench.open_loop_table import Line, caption, markdown
from bench.progress import Progress

FAILED = 1

Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Measure the service that runs there, as it is set up."),
]
Models = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Start the service with these models, not with one of random weights."
    ),
]
ModelPath = Annotated[
    str | None,
    typer.Option("--path", metavar="PATH", help="Route to ask, of texts. Default: /v1/sentiment."),
]
Turns = Annotated[
    int,
    typer.Option(help="What is compared is measured so often, each time in another order.", min=1),
]

Table = tuple[list[str], list[Line]]
"""Columns and lines."""


def tell(title: str, measure: Callable[[Progress], tuple[Server, Table]]) -> None:
    """Measure, and print one Markdown table under what it was measured on."""
    machine = describe_machine()
    before = read_processors()
    try:
        with Progress(Console(stderr=True)) as progress:
            server, (columns, lines) = measure(progress)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(FAILED) from error
    others = read_processors().others(before) if server.started else None
    print(caption(machine, f"{title}: {server.about}", others))
    print()
    print(markdown(columns, lines))
