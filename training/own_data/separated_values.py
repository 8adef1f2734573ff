"""Reads CSV (RFC 4180) record by record, with the line each begins on, and goes on after errors."""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice

UNREADABLE = {
    "unexpected end of data": "a quotation mark is opened and never closed",
    "field larger than field limit": "a field is longer than 131,072 characters, or a quotation "
    "mark is not closed",
}
"""What the csv module says, and what that means to the owner of the file."""


def read_records(
    content: str, delimiter: str, refuse: Callable[[int, str], None]
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line that it begins on, the first being 1; blank lines are no records.

    A quoted field may hold line ends, which all become LF. ``refuse`` is told line and reason of a
    record that is not CSV: a stray quotation mark may have swallowed rows that follow, so reading
    goes on at the line after the one where that record began.
    """
    lines = io.StringIO(content, newline=None).readlines()
    start = 0
    while start < len(lines):
        reader = csv.reader(islice(lines, start, None), delimiter=delimiter, strict=True)
        before = 0
        try:
            for fields in reader:
                line, before = start + before + 1, reader.line_num
                if fields:
                    yield line, fields
            return
        except csv.Error as error:
            refuse(start + before + 1, _reason(error, delimiter))
            start += before + 1


def _reason(error: csv.Error, delimiter: str) -> str:
    message = str(error)
    for known, meaning in UNREADABLE.items():
        if message.startswith(known):
            return meaning
    if "expected after" in message:
        return f"after a closing quotation mark comes neither {delimiter!r} nor the end of the line"
    return f"it is not CSV ({message})"
