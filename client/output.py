"""Writes answers as a table, as NDJSON or as CSV."""

import csv
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.answers import ERROR, Task, columns_of, rows_of
from client.errors import AskError
from client.records import Record

TABLE_ROWS = 500
"""After so many rows a table ends and another one begins, so that none has to be held."""

SHOWN_CHARACTERS = 60


class OutputFormat(StrEnum):
    """What answers are written as."""

    TABLE = "table"
    NDJSON = "ndjson"
    CSV = "csv"


class Writer(Protocol):
    """Takes answers in order."""

    def write(self, record: Record, answer: Any, line: bytes) -> None:
        """Write the answer to a record; ``line`` is the same as it came."""

    def close(self) -> None:
        """Write what is held back."""


class NdjsonWriter:
    """Writes the service's own lines."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, record: Record, answer: Any, line: bytes) -> None:
        """Write the answer to a record."""
        self._file.write(line.decode() + "\n")

    def close(self) -> None:
        """Hand over what is written."""
        self._file.flush()


class CsvWriter:
    """Writes the record's own columns and the best of its answer. A column of the answer whose name
    the record has already is called ``albert_…``.
    """

    def __init__(self, file: TextIO, task: Task, header: Sequence[str] | None = None) -> None:
        self._file = file
        # By its "\r\n" the module knows to quote what has either; "\n" alone is written.
        self._rows = csv.writer(_Unix(file), lineterminator="\r\n")
        self._task = task
        self._header = None if header is None else list(header)
        self._columns: list[str] | None = None

    def write(self, record: Record, answer: Any, line: bytes) -> None:
        """Write the answer to a record."""
        if self._columns is None:
            self._begin(record.fields)
        assert self._columns is not None
        best = rows_of(self._task, answer)[:1]
        found = [*columns_of(self._task), ERROR]
        values = [best[0].get(column, "") if best else "" for column in found]
        self._rows.writerow([record.fields.get(column, "") for column in self._columns] + values)

    def close(self) -> None:
        """Hand over what is written."""
        self._file.flush()

    def _begin(self, fields: Mapping[str, str]) -> None:
        self._columns = list(fields)
        found = [*columns_of(self._task), ERROR]
        names = [_beside(fields, name) for name in found]
        header = self._columns + names
        if self._header is None:
            self._rows.writerow(header)
        elif self._header != header:
            raise AskError(
                f"The output has other columns ({', '.join(self._header)}) than this file's "
                f"answers ({', '.join(header)}): it is not one to resume."
            )


def _beside(fields: Mapping[str, str], name: str) -> str:
    while name in fields:
        name = f"albert_{name}"
    return name


class _Unix:
    """Takes rows that end in a carriage return and a line feed, and leaves the former out."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix("\r\n") + "\n")


class TableWriter:
    """Draws tables for people. Of one record all labels or spans are shown, of several the best."""

    def __init__(self, console: Console, task: Task, *, best_only: bool) -> None:
        self._console = console
        self._task = task
        self._best_only = best_only
        self._table: Table | None = None

    def write(self, record: Record, answer: Any, line: bytes) -> None:
        """Add the answer to a record."""
        rows = rows_of(self._task, answer)
        shown = " · ".join(_shortened(value) for value in record.fields.values())
        for row in rows[:1] if self._best_only else rows:
            if self._table is None:
                self._table = Table(*columns_of(self._task), "of")
            cells = [Text(row.get(column, "")) for column in columns_of(self._task)]
            if ERROR in row:
                cells[0] = Text(row[ERROR], style="red")
            self._table.add_row(*cells, Text(shown))
            shown = ""
        if self._table is not None and self._table.row_count >= TABLE_ROWS:
            self.close()

    def close(self) -> None:
        """Draw what is held back."""
        if self._table is not None:
            self._console.print(self._table)
            self._table = None


def with_number(answer: Any, line: bytes, answered_before: int) -> tuple[Any, bytes]:
    """An error's ``line`` counts what was sent; make it count the whole file."""
    if answered_before and isinstance(answer, dict) and isinstance(answer.get("line"), int):
        answer = answer | {"line": answer["line"] + answered_before}
        line = json.dumps(answer, ensure_ascii=False).encode()
    return answer, line


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
