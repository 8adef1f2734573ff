"""The part of ``docs/performance.md`` that the bench writes, between two markers."""

from collections.abc import Sequence
from pathlib import Path

from bench.figures import Row, Section
from bench.machine import Machine
from bench.marked_page import write_between

BEGIN = "<!-- figures: written by `make bench`, do not edit -->"
END = "<!-- end of figures -->"


def write_figures(page: Path, machine: Machine, sections: Sequence[Section], about: str) -> None:
    """Replace what stands between the markers of ``page``. Raises BenchError without markers."""
    parts = [about, _machine_table(machine), *(_section_table(section) for section in sections)]
    write_between(page, BEGIN, END, parts)


def _machine_table(machine: Machine) -> str:
    gibibytes = machine.memory_bytes / 1024**3
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    facts = {
        "processor": f"{machine.processor}, {machine.cores} cores for this process",
        "memory": f"{gibibytes:.0f} GiB",
        "system": f"{machine.system}, Python {machine.python}",
        "packages": packages,
        "commit": machine.commit or "not a git clone",
        "started": machine.started,
        "load average just before": f"{machine.load_before:.2f}",
    }
    return "\n".join(["| on | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())])


def _section_table(section: Section) -> str:
    lines = [f"### {section.title}", "", "| figure | median | range | goal |", "|---|--:|--:|--:|"]
    return "\n".join(lines + [_line(row) for row in section.rows])


def _line(row: Row) -> str:
    goal = row.goal if row.met is None else f"{row.goal} {'✓' if row.met else '✗'}"
    return f"| {row.figure} | {row.value} | {row.range} | {goal} |"
