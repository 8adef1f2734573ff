"""The part of ``docs/peers.md`` that the comparison writes, between two markers."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.machine import Machine

BEGIN = "<!-- peers: written by `make bench-peers`, do not edit -->"
END = "<!-- end of peers -->"


def write_tables(page: Path, machine: Machine, about: str, tables: Sequence[str]) -> None:
    """Replace what stands between the markers of ``page``. Raises BenchError without markers."""
    before, after = split_page(page)
    parts = [before + BEGIN, about, _conditions(machine), *tables, END + after]
    page.write_text("\n\n".join(parts), encoding="utf-8")


def split_page(page: Path) -> tuple[str, str]:
    """What stands before and after the tables of ``page``. Raises BenchError without markers."""
    try:
        before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    except OSError as error:
        raise BenchError(f"{page} cannot be read: {error.strerror}") from error
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{page} has no place for the tables: {BEGIN} … {END}")
    return before, after


def _conditions(machine: Machine) -> str:
    return (
        f"On: {machine.processor}, {machine.cores} cores for these processes, "
        f"{machine.memory_bytes / 1024**3:.0f} GiB; {machine.system}, Python {machine.python}; "
        f"commit {machine.commit or 'unknown'}; started {machine.started}; "
        f"load average just before {machine.load_before:.2f}."
    )
