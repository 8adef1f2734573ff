"""From what is asked to what is written."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import quote

from rich.console import Console

from client.answers import Task, error_of
from client.errors import AskError, UsageError
from client.output import (
    CsvWriter,
    NdjsonWriter,
    OutputFormat,
    TableWriter,
    Writer,
    with_number,
)
from client.progress import FileProgress
from client.records import (
    STANDARD_INPUT,
    Columns,
    Format,
    Record,
    format_of,
    open_input,
    read_records,
    record_of,
)
from client.resume import Answered, answered_in
from client.service import DEADLINE_SECONDS, ask, ask_in_bulk

FILE_RECORDS_AT_ONCE = 256
"""Read from a file before they are sent; from standard input, where somebody may be waiting for
the answer to one, it is one."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, beside the texts."""

    task: Task
    url: str
    model: str | None
    file: Path | None
    input_format: Format | None
    output: Path | None
    format: OutputFormat
    resume: bool
    timeout_seconds: float | None
    parameters: Mapping[str, Any]
    key: str | None = field(default=None, repr=False)

    def route(self, prefix: str = "") -> str:
        """The address that answers, or the one below ``prefix`` that does."""
        name = self.task.value if self.model is None else f"models/{quote(self.model, safe='')}"
        return f"{self.url}/v1/{prefix}{name}"

    @property
    def deadline_seconds(self) -> float:
        """Of a request or a record, as far as is known here."""
        return DEADLINE_SECONDS if self.timeout_seconds is None else self.timeout_seconds

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        headers = {}
        if self.timeout_seconds is not None:
            headers["X-Request-Timeout"] = f"{self.timeout_seconds:.3f}"
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        return headers


def ask_about(inputs: Sequence[Mapping[str, str]], options: Options) -> None:
    """Ask about ``inputs``, in the service's keys, in one request. Raises AskError."""
    records = [record_of(fields, {}, 0) for fields in inputs]
    bodies = [record.body["inputs"] for record in records]
    body = {"inputs": bodies if len(bodies) > 1 else bodies[0], "parameters": options.parameters}
    answer = asyncio.run(ask(options.route(), body, options.headers, options.deadline_seconds))
    # Labels are always a list for each input, answers only where there are several inputs.
    is_listed = options.task is not Task.QUESTION_ANSWERING
    if is_listed and not (isinstance(answer, list) and len(answer) == len(records)):
        raise AskError("The service answered something else; does that model do this task?")
    with ExitStack() as stack:
        writer = _writer(options, Answered(0, 0), stack, best_only=len(records) > 1)
        for index, record in enumerate(records):
            own = [answer[index]] if is_listed else answer
            writer.write(record, own, json.dumps(own, ensure_ascii=False).encode())
        writer.close()


def ask_about_file(file: Path, columns: Columns, options: Options) -> None:
    """Ask about every record of ``file`` on the bulk route. Raises AskError, also when all were
    asked and some were refused.
    """
    before = Answered(0, 0)
    with ExitStack() as stack:
        source = stack.enter_context(open_input(file))
        if options.output is not None:
            _refuse_one_file_for_both(source, options.output)
        if options.resume:
            assert options.output is not None
            before = answered_in(options.output, options.format)
        format_ = options.input_format or format_of(file)
        records = read_records(source, str(file), format_, columns, options.parameters)
        _skip(records, before.records, file)
        writer = _writer(options, before, stack, best_only=True)
        run = _FileRun(options, before, writer)
        try:
            with FileProgress(Console(stderr=True), _size_of(file)) as progress:
                asyncio.run(run.ask(records, progress, is_stream=file == STANDARD_INPUT))
        except AskError as error:
            raise AskError(f"{error}{run.so_far()}") from error
        finally:
            writer.close()
    if run.refused:
        raise AskError(run.refusals())


class _FileRun:
    """The way through one file."""

    def __init__(self, options: Options, before: Answered, writer: Writer) -> None:
        self._options = options
        self._before = before.records
        self._writer = writer
        self._answered = before.records
        self.refused = 0
        self._first_refusal = ""

    async def ask(
        self, records: Iterator[Record], progress: FileProgress, *, is_stream: bool
    ) -> None:
        """Ask about ``records`` and write what comes back."""
        at_once = 1 if is_stream else FILE_RECORDS_AT_ONCE
        url, headers = self._options.route("bulk/"), self._options.headers
        deadline = self._options.deadline_seconds
        async for record, received in ask_in_bulk(
            url, records, headers, at_once=at_once, deadline_seconds=deadline
        ):
            answer, line = with_number(_json(received), received, self._before)
            self._writer.write(record, answer, line)
            if is_stream and self._options.format is not OutputFormat.TABLE:
                self._writer.close()
            self._answered += 1
            if (error := error_of(answer)) is not None:
                self.refused += 1
                self._first_refusal = self._first_refusal or f"record {self._answered}: {error}"
            progress.answered(self._answered, record.end_bytes)

    def so_far(self) -> str:
        """What was done before it broke off, if anything was."""
        if self._answered == self._before:
            return ""
        can_resume = self._options.file not in (None, STANDARD_INPUT) and (
            self._options.output is not None and self._options.format is not OutputFormat.TABLE
        )
        said = f" {self._answered} records are answered"
        return f"{said}; go on with --resume." if can_resume else f"{said}."

    def refusals(self) -> str:
        """What was refused."""
        asked = self._answered - self._before
        return f"{self.refused} of {asked} records were refused; the first, {self._first_refusal}"


def _refuse_one_file_for_both(source: BinaryIO, output: Path) -> None:
    """To open it for the answers would empty it before a question is read."""
    try:
        same = os.path.samestat(os.fstat(source.fileno()), output.stat())
    except OSError:
        return  # there is no output yet, or it cannot be written, which is said then
    if same and output.is_file():
        raise UsageError(f"{output} is what is asked about: write the answers to another file.")


def _skip(records: Iterator[Record], count: int, file: Path) -> None:
    skipped = sum(1 for _ in islice(records, count))
    if skipped < count:
        raise AskError(
            f"The output has {count} answers and {file} only {skipped} records: "
            "it is not one to resume."
        )


def _writer(options: Options, before: Answered, stack: ExitStack, *, best_only: bool) -> Writer:
    file: TextIO = sys.stdout
    if options.output is not None:
        file = stack.enter_context(_open_output(options.output, before, resume=options.resume))
    match options.format:
        case OutputFormat.NDJSON:
            return NdjsonWriter(file)
        case OutputFormat.CSV:
            return CsvWriter(file, options.task, before.header)
        case OutputFormat.TABLE:
            return TableWriter(Console(file=file), options.task, best_only=best_only)


def _open_output(path: Path, before: Answered, *, resume: bool) -> TextIO:
    try:
        if not resume:
            return path.open("w", encoding="utf-8", newline="")
        path.touch()
        file = path.open("r+", encoding="utf-8", newline="")
        file.truncate(before.whole_bytes)
        file.seek(0, 2)
    except OSError as error:
        raise AskError(f"{path} cannot be written: {error.strerror}.") from error
    return file


def _size_of(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise AskError("The service answered a line that is not JSON.") from error
