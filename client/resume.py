"""What of an output file is whole, so that another run goes on behind it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from client.errors import AskError
from client.output import OutputFormat


@dataclass(frozen=True, slots=True)
class Answered:
    """``records`` were answered, in the first ``whole_bytes`` of the file; what follows was cut.

    ``header``: the columns of a CSV file, None when it has none yet.
    """

    records: int
    whole_bytes: int
    header: list[str] | None = None


def answered_in(path: Path, format_: OutputFormat) -> Answered:
    """Read an output file; nothing was answered when there is none. Raises AskError."""
    try:
        with path.open("rb") as file:
            return _of_csv(file) if format_ is OutputFormat.CSV else _of_lines(file)
    except FileNotFoundError:
        return Answered(0, 0)
    except (OSError, UnicodeDecodeError) as error:
        raise AskError(f"{path} cannot be resumed: {error}.") from error


def _of_lines(file: BinaryIO) -> Answered:
    records = whole = 0
    for line in file:
        if line.endswith(b"\n"):
            records += 1
            whole += len(line)
    return Answered(records, whole)


def _of_csv(file: BinaryIO) -> Answered:
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        for line in file:
            if not line.endswith(b"\n"):
                return
            read += len(line)
            yield line.decode()

    header: list[str] | None = None
    records = whole = 0
    rows = csv.reader(lines(), strict=True)
    try:
        for row in rows:
            if header is None:
                header = row
            else:
                records += 1
            whole = read
    except csv.Error:
        pass  # a field that the end of the file cuts
    return Answered(records, whole, header)
