"""Reads labelled texts from CSV, TSV and JSON Lines."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training.own_data.bad_rows import BadRows, DataError
from training.own_data.columns import LABEL, TEXT, find_column
from training.own_data.labelled_rows import (
    Columns,
    LabelledRow,
    LabelledRows,
    check_row,
    label_of_value,
    split_labels,
)
from training.own_data.separated_values import read_records
from training.own_data.source_files import kind_of, read_text

_DELIMITERS = {".csv": (",", ";", "\t"), ".tsv": ("\t",)}
_JSON_LINES = frozenset({".jsonl", ".ndjson"})


def read_labelled(paths: Sequence[Path], columns: Columns, bad: BadRows) -> LabelledRows:
    """The rows of all files in their order; those that cannot be used are noted in ``bad``.

    DataError if a file cannot be read as a whole: its columns are not there, its format is none of
    CSV, TSV and JSON Lines.
    """
    rows: list[LabelledRow] = []
    multi_label = columns.separator is not None
    for path in paths:
        kind = kind_of(path)
        if kind in _DELIMITERS:
            rows += _csv_rows(path, _DELIMITERS[kind], columns, bad)
        elif kind in _JSON_LINES:
            for row, has_list in _json_rows(path, columns, bad):
                rows.append(row)
                multi_label |= has_list
        else:
            raise DataError(
                f"{path}: labelled texts are read from .csv, .tsv and .jsonl files, also with .gz "
                f"or .xz behind, not from {kind or 'a file without an ending'}"
            )
    return LabelledRows(tuple(rows), multi_label)


def _csv_rows(
    path: Path, delimiters: Sequence[str], columns: Columns, bad: BadRows
) -> Iterator[LabelledRow]:
    content = read_text(path)
    delimiter, header, text_at, label_at = _header(path, content, delimiters, columns)
    records = read_records(content, delimiter, lambda line, why: bad.add(f"{path}:{line}", why))
    for number, (line, fields) in enumerate(records):
        place = f"{path}:{line}"
        if number == 0 or not any(fields):
            continue
        if any(fields[len(header) :]) or len(fields) <= max(text_at, label_at):
            bad.add(
                place,
                "it has not as many fields as the header",
                f"{len(fields)} instead of {len(header)}; a text with a delimiter in it needs "
                "quotation marks",
            )
            continue
        labels = split_labels(fields[label_at], columns.separator)
        row = check_row(place, fields[text_at], labels, bad)
        if row is not None:
            yield row


def _header(
    path: Path, content: str, delimiters: Sequence[str], columns: Columns
) -> tuple[str, list[str], int, int]:
    """The delimiter, the header, and the places of text and label in it.

    The delimiter is the one that cuts the header into the most fields.
    """
    headers = {delimiter: _first_record(content, delimiter) for delimiter in delimiters}
    delimiter = max(delimiters, key=lambda one: len(headers[one][1]))
    line, header = headers[delimiter]
    place = f"{path}:{line}"
    if not header:
        raise DataError(f"{path} has no header: its first row must name the columns")
    text = find_column(TEXT, columns.text, header, place)
    label = find_column(LABEL, columns.label, header, place)
    if text == label:
        raise DataError(f"{place}: text and label cannot both be in {text!r}")
    return delimiter, header, header.index(text), header.index(label)


def _first_record(content: str, delimiter: str) -> tuple[int, list[str]]:
    """The first record and its line; no fields if it is not CSV with this delimiter."""
    refused: list[int] = []
    records = read_records(content, delimiter, lambda line, _: refused.append(line))
    line, fields = next(records, (1, []))
    return (1, []) if refused else (line, fields)


def _json_rows(path: Path, columns: Columns, bad: BadRows) -> Iterator[tuple[LabelledRow, bool]]:
    """Each good row, and whether its labels were a list."""
    objects = list(json_objects(path, bad))
    if not objects:
        return
    names = list(dict.fromkeys(name for _, found in objects for name in found))
    text = find_column(TEXT, columns.text, names, str(path))
    label = find_column(LABEL, columns.label, names, str(path))
    for place, found in objects:
        value = found.get(label)
        labels = _labels_of(value, columns.separator)
        if labels is None:
            missing = value is None
            reason = f"the label is {'missing' if missing else 'neither a string nor a number'}"
            bad.add(place, reason, "" if missing else json.dumps(value)[:60])
            continue
        row = check_row(place, found.get(text), labels, bad)
        if row is not None:
            yield row, isinstance(value, list)


def _labels_of(value: Any, separator: str | None) -> list[str] | None:
    if isinstance(value, str):
        return split_labels(value, separator)
    labels = [label_of_value(one) for one in (value if isinstance(value, list) else [value])]
    return None if None in labels else [label for label in labels if label is not None]


def json_objects(path: Path, bad: BadRows) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON Lines file with their places; blank lines are no rows."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad.add(place, "it is not JSON", str(error))
            continue
        if isinstance(found, dict):
            yield place, found
        else:
            bad.add(place, "it is not a JSON object", line.strip()[:60])
