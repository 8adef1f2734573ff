"""The figures on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.figures import Row, Section


def print_sections(sections: Sequence[Section], console: Console) -> None:
    """Print one table for each section."""
    for section in sections:
        table = Table("figure", title=section.title, title_justify="left")
        for column in ("median", "range", "goal"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in section.rows:
            table.add_row(row.figure, _coloured(row), row.range, row.goal)
        console.print(table)


def _coloured(row: Row) -> str:
    if row.met is None:
        return row.value
    return f"[green]{row.value}[/]" if row.met else f"[red]{row.value}[/]"
