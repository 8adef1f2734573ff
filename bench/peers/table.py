"""Cells and tables in Markdown."""

from collections.abc import Sequence


def seconds_cell(value: float | None) -> str:
    """In the digits that say something; a dash for what was not measured."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: str = "--:") -> str:
    """A table, with the ``alignment`` of all columns but the first."""
    rule = ["---", *[alignment] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])
