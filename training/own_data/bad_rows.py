"""Rows that cannot be used: each is reported with file and line, none is dropped in silence."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

SHOWN_IN_FULL = 20


class DataError(Exception):
    """The data cannot be used at all; the message is a sentence that says why, and what would do.

    The command prints it and ends with exit code 2.
    """


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be used.

    ``place`` is ``file:line``, or ``file:line: path`` within JSON. ``reason`` is what such rows are
    counted by; ``detail`` says what was found in this one.
    """

    place: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}{self.detail and ': ' + self.detail}"


class BadRows:
    """Collects what the readers refuse."""

    def __init__(self) -> None:
        self.rows: list[BadRow] = []

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, place: str, reason: str, detail: str = "") -> None:
        """Note one row."""
        self.rows.append(BadRow(place, reason, detail))

    def report(self, out: TextIO) -> None:
        """Print the first rows in full; where there are more, how many there are of each kind."""
        for row in self.rows[:SHOWN_IN_FULL]:
            print(row, file=out)
        if len(self.rows) > SHOWN_IN_FULL:
            print(f"… {len(self.rows)} bad rows in all:", file=out)
            for reason, count in Counter(row.reason for row in self.rows).most_common():
                print(f"  {count:6} {reason}", file=out)

    def write(self, path: Path) -> None:
        """Write all of them, a line each."""
        path.write_text("".join(f"{row}\n" for row in self.rows), encoding="utf-8")
