"""The part of ``docs/peers.md`` that the comparison writes, between two markers."""

from collections.abc import Sequence
from pathlib import Path

from bench.machine import Machine
from bench.marked_page import write_between

BEGIN = "<!-- peers: written by `make bench-peers`, do not edit -->"
END = "<!-- end of peers -->"


def write_tables(page: Path, machine: Machine, about: str, tables: Sequence[str]) -> None:
    """Replace what stands between the markers of ``page``. Raises BenchError without markers."""
    write_between(page, BEGIN, END, [about, _conditions(machine), *tables])


def _conditions(machine: Machine) -> str:
    return (
        f"On: {machine.processor}, {machine.cores} cores for these processes, "
        f"{machine.memory_bytes / 1024**3:.0f} GiB; {machine.system}, Python {machine.python}; "
        f"commit {machine.commit or 'unknown'}; started {machine.started}; "
        f"load average just before {machine.load_before:.2f}."
    )
