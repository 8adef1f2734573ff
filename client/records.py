"""What is asked: texts from arguments, lines of text, CSV or NDJSON."""

import codecs
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

    ``body`` is the request, or a line of NDJSON that is none, as it came; ``fields`` what the
    record is shown with, by column; ``end_bytes`` how much of the file was read when it was.
    """

    body: Any
    fields: Mapping[str, str]
    end_bytes: int = 0

    @property
    def line(self) -> bytes:
        """What is sent, without a line feed."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


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
    """The records of a file. Raises AskError, which names the line, at what is none; a line of
    NDJSON that is no object is for the service to refuse, as on its bulk route.
    """
    lines = _Lines(file, name)
    if format_ is Format.TEXT:
        for line in lines:
            text = line.rstrip("\r\n")
            yield record_of({"text": text}, parameters, lines.bytes_read)
    elif format_ is Format.NDJSON:
        for content in lines.as_bytes():
            yield _record_of_json(content.rstrip(b"\r\n"), lines, columns, parameters)
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
        for line in self.as_bytes():
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise self.error("is not UTF-8") from error
            yield text

    def as_bytes(self) -> Iterator[bytes]:
        """The same, decoded or not."""
        for line in self._file:
            self.number += 1
            self.bytes_read += len(line)
            yield line.removeprefix(codecs.BOM_UTF8) if self.number == 1 else line

    def error(self, what: str) -> AskError:
        """``what`` is wrong with the line that was read last."""
        return AskError(f"{self.name}, line {self.number}, {what}.")


def _record_of_json(
    line: bytes, lines: _Lines, columns: Columns, parameters: Mapping[str, Any]
) -> Record:
    """A line is a request as the service takes it, or an object with the columns."""
    try:
        document = json.loads(line.decode())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Record(line, dict.fromkeys(columns.inputs.values(), ""), lines.bytes_read)
    if "inputs" in document:
        inputs = document["inputs"]
        shown = inputs if isinstance(inputs, dict) else {"text": inputs}
        return Record(_with(parameters, document), _shown(shown), lines.bytes_read)
    record = record_of(_fields(document, lines, columns), parameters, lines.bytes_read)
    return Record(record.body, _shown(document), lines.bytes_read)


def _with(parameters: Mapping[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """``request`` with ``parameters`` beside its own, if those are what they may be."""
    own = request.get("parameters") or {}
    if not parameters or not isinstance(own, dict):
        return request
    return request | {"parameters": {**own, **parameters}}


def _rows(lines: _Lines, columns: Columns, parameters: Mapping[str, Any]) -> Iterator[Record]:
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, None)
        if header is None:
            return
        for row in filter(None, rows):  # a blank line is no row
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


def _shown(document: Mapping[str, Any]) -> dict[str, str]:
    return {_written(key): _written(value) for key, value in document.items()}


def _written(value: Any) -> str:
    """As a text that can be written: JSON may have halves of surrogate pairs, which are none."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode(errors="replace").decode()
