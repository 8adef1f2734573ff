"""The commands ``albert-ask sentiment``, ``classification`` and ``question-answering``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from client.answers import Task
from client.asking import Options, ask_about, ask_about_file
from client.errors import AskError, UsageError
from client.key import key_of
from client.output import OutputFormat
from client.records import STANDARD_INPUT, Columns, Format, format_of

_PROGRAM = "albert-ask"
_DONE, _REFUSED, _WRONG_USAGE = 0, 1, 2
_INTERRUPTED = 130
_DEFAULT_URL = "http://127.0.0.1:8000"

_ask = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Ask a running albert-serve: texts as arguments, from a file, or on standard input.",
    epilog="A file is answered on the service's bulk route, in order, and a record that is refused "
    "has its error in the output.",
)

_URL = Annotated[str, typer.Option(envvar="ALBERT_URL", help="Where the service is.")]
_MODEL = Annotated[
    str | None, typer.Option(help="A model by name. Default: the one of the task's route.")
]
_FILE = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV with a header, NDJSON (objects, or requests with inputs), or a text a line; by "
        "the end of its name. - is standard input.",
    ),
]
_INPUT_FORMAT = Annotated[
    Format | None, typer.Option(help="What FILE is, where its name does not say so.")
]
_OUTPUT = Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")]
_FORMAT = Annotated[
    OutputFormat | None,
    typer.Option(
        "--format",
        help="Of the answers. Default: by the name of the output; a table on a terminal, NDJSON "
        "elsewhere.",
    ),
]
_RESUME = Annotated[bool, typer.Option("--resume", help="Go on where the output file ends.")]
_TOP_K = Annotated[int | None, typer.Option(min=1, help="How many labels or answers, best first.")]
_PARAMETERS = Annotated[
    str | None, typer.Option(metavar="JSON", help="The request's parameters, as an object.")
]
_TIMEOUT = Annotated[
    float | None,
    typer.Option(
        min=0.001, max=3600, help="Seconds that the service has for a request, or a record."
    ),
]
_KEY_FILE = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Holds the key that the service asks for. Default: the variable ALBERT_API_KEY.",
    ),
]
_COLUMN = Annotated[str, typer.Option(help="Column, or key, of the text.")]
_PAIR_COLUMN = Annotated[
    str | None, typer.Option(help="Column, or key, of a second text that belongs to the first.")
]
_TEXTS = Annotated[list[str] | None, typer.Argument(metavar="TEXT")]


def run(arguments: Sequence[str]) -> int:
    """Run the command in ``arguments`` and return its exit status.

    0: all was answered; 1: refused, with one sentence on standard error; 2: wrong usage; 130:
    interrupted.
    """
    try:
        _ask(args=list(arguments), prog_name=_PROGRAM)
    except AskError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return _REFUSED
    except UsageError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return _WRONG_USAGE
    except BrokenPipeError:
        sys.stdout = None  # or its flush at the end says so again
        return _REFUSED
    except KeyboardInterrupt:
        print(f"{_PROGRAM}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else _REFUSED
    return _DONE


def _add_command_about_texts(task: Task, says: str) -> None:
    @_ask.command(task, help=says)
    def command(
        texts: _TEXTS = None,
        file: _FILE = None,
        column: _COLUMN = "text",
        pair_column: _PAIR_COLUMN = None,
        model: _MODEL = None,
        top_k: _TOP_K = None,
        parameters: _PARAMETERS = None,
        input_format: _INPUT_FORMAT = None,
        output: _OUTPUT = None,
        format_: _FORMAT = None,
        resume: _RESUME = False,
        timeout: _TIMEOUT = None,
        url: _URL = _DEFAULT_URL,
        api_key_file: _KEY_FILE = None,
    ) -> None:
        options = _options(
            task, url, model, file, input_format, output, format_, resume, timeout,
            _parameters(parameters, top_k), key_of(api_key_file),
        )  # fmt: skip
        if texts and file is not None:
            raise UsageError("Give texts or --file, not both.")
        if texts:
            ask_about([{"text": text} for text in texts], options)
            return
        inputs = {"text": column} | ({} if pair_column is None else {"text_pair": pair_column})
        columns = Columns(inputs, optional=frozenset({"text_pair"}))
        ask_about_file(_file_of(options, "a text"), columns, options)


_add_command_about_texts(Task.SENTIMENT, "Say how positive or negative texts are.")
_add_command_about_texts(Task.CLASSIFICATION, "Label texts.")


@_ask.command()
def question_answering(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION")] = None,
    context: Annotated[
        str | None,
        typer.Argument(
            metavar="CONTEXT",
            help="The text to find the answer in. Default: standard input, all of it.",
        ),
    ] = None,
    file: _FILE = None,
    question_column: Annotated[
        str, typer.Option(help="Column, or key, of the question.")
    ] = "question",
    context_column: Annotated[
        str, typer.Option(help="Column, or key, of the context.")
    ] = "context",
    model: _MODEL = None,
    top_k: _TOP_K = None,
    parameters: _PARAMETERS = None,
    input_format: _INPUT_FORMAT = None,
    output: _OUTPUT = None,
    format_: _FORMAT = None,
    resume: _RESUME = False,
    timeout: _TIMEOUT = None,
    url: _URL = _DEFAULT_URL,
    api_key_file: _KEY_FILE = None,
) -> None:
    """Find answers to questions in texts."""
    options = _options(
        Task.QUESTION_ANSWERING, url, model, file, input_format, output, format_, resume, timeout,
        _parameters(parameters, top_k), key_of(api_key_file),
    )  # fmt: skip
    if question is not None and file is not None:
        raise UsageError("Give a question or --file, not both.")
    if question is not None:
        if context is None:
            if sys.stdin.isatty():
                raise UsageError("Give a context, as an argument or on standard input.")
            context = sys.stdin.read()
        ask_about([{"question": question, "context": context}], options)
        return
    columns = Columns({"question": question_column, "context": context_column})
    file = _file_of(options, "a question")
    if (input_format or format_of(file)) is Format.TEXT:
        raise UsageError("A file of questions is CSV or NDJSON: say which with --input-format.")
    ask_about_file(file, columns, options)


def _options(
    task: Task,
    url: str,
    model: str | None,
    file: Path | None,
    input_format: Format | None,
    output: Path | None,
    format_: OutputFormat | None,
    resume: bool,
    timeout_seconds: float | None,
    parameters: dict[str, Any],
    key: str | None,
) -> Options:
    if format_ is None:
        named = {".csv": OutputFormat.CSV, ".ndjson": OutputFormat.NDJSON}
        format_ = named.get(output.suffix.lower()) if output is not None else None
    if format_ is None:
        to_terminal = output is None and sys.stdout.isatty()
        format_ = OutputFormat.TABLE if to_terminal else OutputFormat.NDJSON
    if resume and (output is None or format_ is OutputFormat.TABLE):
        raise UsageError("--resume needs an --output file of CSV or NDJSON.")
    if resume and (file is None or file == STANDARD_INPUT):
        raise UsageError("--resume needs a --file, to find its place in.")
    return Options(
        task, url.rstrip("/"), model, file, input_format, output, format_, resume,
        timeout_seconds, parameters, key,
    )  # fmt: skip


def _file_of(options: Options, wanted: str) -> Path:
    if options.file is not None:
        return options.file
    if sys.stdin.isatty():
        raise UsageError(f"Give {wanted}, --file, or records on standard input.")
    return STANDARD_INPUT


def _parameters(parameters: str | None, top_k: int | None) -> dict[str, Any]:
    try:
        given = json.loads(parameters) if parameters is not None else {}
    except ValueError as error:
        raise UsageError(f"--parameters is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise UsageError('--parameters has to be an object, such as {"truncation": "left"}.')
    return given | ({} if top_k is None else {"top_k": top_k})
