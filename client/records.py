"""What is asked: texts from arguments, lines of text, CSV or NDJSON."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from client.errors import AskError

csv.field_size_limit(1 << 30)

STANDARD_INPUT = Path("-")


class Format(StrEnum):
    """Of a file of records."""

    TEXT = "text"
    CSV = "csv"
    NDJSON = "ndjson"


_BY_SUFFIX = {
    ".csv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".json": Format.NDJSON,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to ask.

    ``body`` is the request; ``fields`` what the record is shown with, by column; ``end_bytes`` how
    much of the file was read when it was.
    """

    body: Any
    fields: Mapping[str, str]
    end_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns, or keys, make an input: ``inputs`` by the input's keys, as the service has
    them. Those in ``optional`` may be missing.
    """

    inputs: Mapping[str, str]
    optional: frozenset[str] = frozenset()


def format_of(path: Path) -> Format:
    """By the end of the name; text where it says nothing."""
    return _BY_SUFFIX.get(path.suffix.lower(), Format.TEXT)


def record_of(fields: Mapping[str, str], parameters: Mapping[str, Any], end_bytes: int) -> Record:
    """A record whose input is ``fields``, by the service's keys: a text alone is just that."""
    inputs: Any = fields["text"] if fields.keys() == {"text"} else dict(fields)
    body = {"inputs": inputs, "parameters": parameters} if parameters else {"inputs": inputs}
    return Record(body, fields, end_bytes)


def open_input(path: Path) -> BinaryIO:
    """The file, or standard input for ``-``. Raises AskError."""
    if path == STANDARD_INPUT:
        # An object of its own: the interpreter closes sys.stdin at the end, and may be reading it.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return path.open("rb")
    except OSError as error:
        raise AskError(f"{path} cannot be read: {error.strerror}.") from error


def read_records(
    file: BinaryIO, name: str, format_: Format, columns: Columns, parameters: Mapping[str, Any]
) -> Iterator[Record]:
    """The records of a file. Raises AskError, which names the line, at what is none."""
    lines = _Lines(file, name)
    if format_ is Format.TEXT:
        for line in lines:
            text = line.rstrip("\r\n")
            yield record_of({"text": text}, parameters, lines.bytes_read)
    elif format_ is Format.NDJSON:
        for line in lines:
            yield _record_of_json(line, lines, columns, parameters)
    else:
        yield from _rows(lines, columns, parameters)


class _Lines:
    """Lines of UTF-8, counted, with their ends; without a byte order mark."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.number = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.number += 1
            self.bytes_read += len(line)
            try:
                text = line.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise self.error("is not UTF-8") from error
            yield text

    def error(self, what: str) -> AskError:
        """``what`` is wrong with the line that was read last."""
        return AskError(f"{self.name}, line {self.number}, {what}.")


def _record_of_json(
    line: str, lines: _Lines, columns: Columns, parameters: Mapping[str, Any]
) -> Record:
    """A line is a request as the service takes it, or an object with the columns."""
    try:
        document = json.loads(line)
    except ValueError as error:
        raise lines.error("is not JSON") from error
    if isinstance(document, dict) and "inputs" in document:
        body = document | {"parameters": {**(document.get("parameters") or {}), **parameters}}
        inputs = document["inputs"]
        shown = inputs if isinstance(inputs, dict) else {"text": inputs}
        fields = {key: _written(value) for key, value in shown.items()}
        return Record(body if body["parameters"] else document, fields, lines.bytes_read)
    if not isinstance(document, dict):
        raise lines.error("is no JSON object")
    fields = _fields(document, lines, columns)
    record = record_of(fields, parameters, lines.bytes_read)
    others = {key: _written(value) for key, value in document.items()}
    return Record(record.body, others, lines.bytes_read)


def _rows(lines: _Lines, columns: Columns, parameters: Mapping[str, Any]) -> Iterator[Record]:
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, None)
        if header is None:
            return
        for row in rows:
            if len(row) != len(header):
                raise lines.error(f"has {len(row)} columns and the first line {len(header)}")
            named = dict(zip(header, row, strict=True))
            fields = _fields(named, lines, columns)
            yield Record(record_of(fields, parameters, 0).body, named, lines.bytes_read)
    except csv.Error as error:
        raise lines.error(f"is not CSV: {error}") from error


def _fields(named: Mapping[str, Any], lines: _Lines, columns: Columns) -> dict[str, str]:
    fields = {}
    for key, column in columns.inputs.items():
        value = named.get(column)
        if value is None:
            if key in columns.optional:
                continue
            there = ", ".join(repr(name) for name in named) or "none"
            raise lines.error(f"has no {column!r}; there are: {there}")
        if not isinstance(value, str):
            raise lines.error(f"has a {column!r} that is no text")
        fields[key] = value
    return fields


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
