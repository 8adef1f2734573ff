"""The commands ``albert-export CHECKPOINT …`` and ``albert-export check DIR/NAME/N``."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from export.announcer import Announcer
from export.check import check_version
from export.errors import ExportRefusedError
from export.exporter import ExportRequest, export_checkpoint
from export.printing import PatientConsole, even_to_nobody, print_anything
from export.report import print_check, print_report
from model_directory.integrity import LARGEST_VERSION
from model_directory.manifest import Precision, Task

_REFUSED = 1
_PROGRAM = "albert-export"

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_export = typer.Typer(add_completion=False)
_check = typer.Typer(add_completion=False)


class _InterruptedError(BaseException):
    """A signal asked the exporter to end; what it was writing is removed on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def run(arguments: Sequence[str]) -> int:
    """Run the command in ``arguments`` and return its exit status.

    0: done; 1: refused, with one sentence on standard error; 2: wrong usage; 128 + the signal's
    number: interrupted. Nothing is left behind unless it is done.
    """
    for number in _ENDING:
        # nohup has the terminal's end ignored: that stays so.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    print_anything()
    try:
        if arguments[:1] == ["check"]:
            _check(args=list(arguments[1:]), prog_name=f"{_PROGRAM} check")
        else:
            _export(args=list(arguments), prog_name=_PROGRAM)
    except ExportRefusedError as error:
        _tell(str(error))
        return _REFUSED
    except MemoryError:
        _tell("the checkpoint needs more memory than there is")
        return _REFUSED
    except _InterruptedError as error:
        _tell("interrupted")
        return 128 + error.number
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else _REFUSED
    return 0


def _tell(sentence: str) -> None:
    with even_to_nobody(sys.stderr):
        print(f"{_PROGRAM}: {sentence}", file=sys.stderr, flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """End once; a second signal must not interrupt the clean-up."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise _InterruptedError(number)


@_export.command(epilog=f"{_PROGRAM} check DIR/NAME/N verifies what was written, and runs it once.")
def _export_command(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Checkpoint directory (config.json, safetensors, tokenizer.json or spiece.model), "
            "or OWNER/NAME of a model on the Hugging Face hub.",
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the model, in its directory and its URL.")],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Models directory; NAME/VERSION is made in it.")
    ],
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit of a model on the hub. Default: main."),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(
            min=1, max=LARGEST_VERSION, help="Default: one more than the highest there is."
        ),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(help="Default: by the checkpoint's head and labels."),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="What the products of the layers are computed in; fp16 is for GPUs."),
    ] = Precision.FP32,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Texts like those it will be asked, one a line, to choose int8 scales by and to "
            "compare int8 or fp16 with fp32 on; a tab separates question and context. Default: "
            "built-in texts.",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show where int8's error comes from, by layer.")
    ] = False,
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Texts, one a line, to compare with the reference on."),
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Figures measured on this very graph (JSON)."),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text of the model card (Markdown), below its tables."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Where the checkpoint is from. Default: its directory's name."),
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    default: Annotated[
        bool,
        typer.Option("--default", help="Let it answer its task's route where several could."),
    ] = False,
) -> None:
    """Export a fine-tuned ALBERT to DIR/NAME/VERSION, and prove that it is the same model.

    The graph is compared with a float64 reference before the version appears, an fp16 or int8 graph
    with the fp32 one as well. What cannot be exported is refused with one sentence, and leaves
    nothing behind.
    """
    request = ExportRequest(
        checkpoint=checkpoint,
        name=name,
        output=output,
        revision=revision,
        version=version,
        task=task,
        precision=precision,
        calibration=calibration,
        explain=explain,
        sample=sample,
        evaluation=evaluation,
        card=card,
        source=source,
        licence=licence,
        default=default,
    )
    with Announcer(PatientConsole(stderr=True)) as progress:
        report = export_checkpoint(request, progress)
    with even_to_nobody(sys.stdout):
        print_report(report, PatientConsole())


@_check.command()
def _check_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR/NAME/N", help="A version directory of a model.")
    ],
) -> None:
    """Compare a model directory with its manifest, and run its graph once."""
    manifest = check_version(directory)
    with even_to_nobody(sys.stdout):
        print_check(manifest, PatientConsole())
