"""One run of ``finetune``: read the files, train, measure what is served, write the result."""

import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from model_directory.manifest import Task as ServedTask
from training.finetune import FinetuningPlan, finetune
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.base_checkpoint import SPAN_HEAD, BaseCheckpoint, open_base
from training.own_data.data_notes import counted
from training.own_data.finished import check_free, copy_checkpoint, new_directory
from training.own_data.labelled_rows import Columns
from training.own_data.measure import Measured, measure_questions, measure_texts
from training.own_data.question_data import QuestionData, QuestionFiles, load_questions
from training.own_data.question_task import question_task
from training.own_data.text_data import TextData, TextFiles, load_texts
from training.own_data.text_task import text_task
from training.own_data.unfinished import digest_of, open_run

NAME = "model"
"""Of the run within its directory."""
LONGEST_TEXT, LONGEST_WINDOW = 512, 384
SHORTEST = 16
SMALL_HIDDEN_SIZE = 512
SMALL_RATE, LARGE_RATE = 4e-4, 3e-5
"""Peak learning rates of encoders up to `SMALL_HIDDEN_SIZE`, and of larger ones."""
ROWS_IN_BATCH = 16
LEAST_PADDED_TOKENS, MOST_PADDED_TOKENS = 256, 4_096
LEAST_EPOCHS, MOST_EPOCHS = 3, 20
LEAST_STEPS = 500
"""That a run should have: small data are seen more often. README.md has what was measured."""
TOKENS_FOR_A_VALIDATION, MOST_VALIDATIONS = 200_000, 12
"""Long epochs are validated within, as often as this."""

Data = TextData | QuestionData


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None where the encoder or the data decides."""

    task: ServedTask
    encoder: Path
    data: tuple[Path, ...]
    output: Path
    validation: tuple[Path, ...] = ()
    columns: Columns = field(default_factory=Columns)
    epochs: int | None = None
    learning_rate: float | None = None
    max_length: int | None = None
    threads: int = 2
    seed: int = 0
    skip_bad_rows: bool = False
    overwrite: bool = False

    @property
    def asks(self) -> bool:
        """Whether the data are questions, and not labelled texts."""
        return self.task is ServedTask.QUESTION_ANSWERING


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: what it learnt from, and how good it is."""

    data: Data
    measured: Measured


def finetune_own(request: Request) -> Outcome:
    """Trains, or goes on with a run that was stopped, and writes ``request.output``.

    DataError, before anything is trained, if data or encoder cannot be used.
    """
    check_free(request.output, overwrite=request.overwrite)
    work = request.output.with_name(request.output.name + ".unfinished")
    with TemporaryDirectory() as beside:
        base = open_base(request.encoder, Path(beside), answers_questions=request.asks)
        longest = _longest(request, base)
        bad = BadRows()
        data = _load(request, base, longest, bad)
        if open_run(work, _identity(request, base, longest), start_again=request.overwrite):
            _say(f"going on with the run in {work}")
        trained = _train(request, base, data, longest, work)
        with new_directory(request.output) as directory:
            copy_checkpoint(trained, directory, base.config.hidden_act)
            measured = _measure(request, directory, data)
            _describe(request, data, measured, bad, directory)
            shutil.copyfile(work / f"{NAME}.jsonl", directory / "training.jsonl")
    shutil.rmtree(work)
    return Outcome(data, measured)


def dataset_name(request: Request) -> str:
    """What the figures are measured on."""
    names = ", ".join(path.name for path in request.validation or request.data)
    return names if request.validation else f"{names}, held-out"


def _longest(request: Request, base: BaseCheckpoint) -> int:
    usual = LONGEST_WINDOW if request.asks else LONGEST_TEXT
    longest = min(usual, base.longest) if request.max_length is None else request.max_length
    if not SHORTEST <= longest <= base.longest:
        raise DataError(
            f"--max-length {longest}: the encoder takes {SHORTEST} to {base.longest} tokens"
        )
    return longest


def _load(request: Request, base: BaseCheckpoint, longest: int, bad: BadRows) -> Data:
    """The data; bad rows are reported, and end the run unless they are to be skipped."""
    try:
        if request.asks:
            asked = QuestionFiles(request.data, request.validation)
            data: Data = load_questions(asked, base.tokenizer, longest, bad)
        else:
            sentiment = request.task is ServedTask.SENTIMENT
            files = TextFiles(request.data, request.validation, request.columns, sentiment)
            data = load_texts(files, base.tokenizer, longest, base.labels, bad)
    finally:
        bad.report(sys.stderr)
    if bad and not request.skip_bad_rows:
        raise DataError(
            f"{counted(len(bad), 'row', 'rows')} cannot be used: mend the file, or leave them out "
            "with --skip-bad-rows"
        )
    if bad:
        _say(f"{counted(len(bad), 'bad row is', 'bad rows are')} left out")
    for note in data.notes:
        _say(f"note: {note}")
    _say(f"{len(data.training):,} rows to train on, {len(data.validation):,} to validate on")
    return data


def _identity(request: Request, base: BaseCheckpoint, longest: int) -> dict[str, Any]:
    """All that decides what comes out of a run; the number of threads does not."""
    weights = sorted(base.directory.glob("*.safetensors")) or sorted(base.directory.glob("*.bin"))
    span_head = base.directory / SPAN_HEAD
    return {
        "task": str(request.task),
        "encoder": digest_of([*weights, *([span_head] if span_head.is_file() else [])]),
        "tokenizer": digest_of([base.tokenizer_directory / "tokenizer.json"]),
        "data": digest_of(request.data),
        "validation": digest_of(request.validation),
        "columns": asdict(request.columns),
        "epochs": request.epochs,
        "learning_rate": _rate(request, base),
        "max_length": longest,
        "seed": request.seed,
    }


def _rate(request: Request, base: BaseCheckpoint) -> float:
    small = base.config.hidden_size <= SMALL_HIDDEN_SIZE
    return request.learning_rate or (SMALL_RATE if small else LARGE_RATE)


def _train(request: Request, base: BaseCheckpoint, data: Data, longest: int, work: Path) -> Path:
    """The best checkpoint of the run."""
    torch.manual_seed(request.seed)
    if isinstance(data, QuestionData):
        task = question_task(NAME, data, base, longest)
    else:
        task = text_task(NAME, data, base, longest)
    lengths = [len(row.ids) for row in task.stages[0].rows(Random(request.seed))]
    plan = _plan(request, base, lengths)
    return finetune(task, plan, base.tokenizer_directory, work)


def _plan(request: Request, base: BaseCheckpoint, lengths: Sequence[int]) -> FinetuningPlan:
    """How long the run goes and how large its steps are; ``lengths`` are the tokens of its rows."""
    batch = int(ROWS_IN_BATCH * np.mean(lengths))
    padded_tokens = max(LEAST_PADDED_TOKENS, min(batch, MOST_PADDED_TOKENS))
    wanted = math.ceil(LEAST_STEPS * padded_tokens / sum(lengths))
    epochs = request.epochs or max(LEAST_EPOCHS, min(wanted, MOST_EPOCHS))
    tokens = epochs * sum(lengths)
    _say(f"{counted(epochs, 'epoch', 'epochs')} of {sum(lengths):,} tokens")
    return FinetuningPlan(
        tokens=tokens,
        peak_learning_rate=_rate(request, base),
        padded_tokens=padded_tokens,
        validations=min(MOST_VALIDATIONS, max(epochs, tokens // TOKENS_FOR_A_VALIDATION)),
        threads=request.threads,
        seed=request.seed,
    )


def _measure(request: Request, checkpoint: Path, data: Data) -> Measured:
    if isinstance(data, QuestionData):
        return measure_questions(checkpoint, data)
    return measure_texts(checkpoint, request.task, data)


def _describe(
    request: Request, data: Data, measured: Measured, bad: BadRows, directory: Path
) -> None:
    """Writes what the checkpoint was made of and how good it is, beside it."""
    source = (
        "files given for validation"
        if request.validation
        else "a tenth of the rows, kept aside by a hash of their text"
    )
    evaluation = measured.evaluation(
        dataset_name(request), f"{source}; it also chose the checkpoint"
    )
    _write_json(directory / "evaluation.json", evaluation)
    made_of = {
        "task": str(request.task),
        "encoder": str(request.encoder),
        "data": [str(path) for path in request.data],
        "validation": [str(path) for path in request.validation],
        "epochs": request.epochs,
        "seed": request.seed,
        "training_rows": len(data.training),
        "validation_rows": len(data.validation),
        "bad_rows_left_out": len(bad),
        "notes": list(data.notes),
        "figures": measured.figures,
        "labels": [asdict(label) for label in measured.labels],
    }
    _write_json(directory / "finetuning.json", made_of)
    if bad:
        bad.write(directory / "bad-rows.txt")


def _write_json(path: Path, content: Mapping[str, Any] | Sequence[Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
