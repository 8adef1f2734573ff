"""Exports one checkpoint: reads, writes, measures, and only then lets the version appear."""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from export.card import write_card
from export.checkpoint import Checkpoint, read_checkpoint
from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.evaluation import read_evaluation
from export.graph import build_graph
from export.hub import Fetched, fetch_checkpoint, is_model_id
from export.package import choose_version, new_package
from export.parity import BUILT_IN_TEXTS, build_sequences, measure_parity
from export.progress import Progress
from export.text_files import read_lines, read_text
from export.tokenizer import check_tokenizer
from export.version import exporter_version
from model_directory.manifest import (
    CARD_NAME,
    MANIFEST_NAME,
    MODEL_NAME,
    TOKENIZER_NAME,
    Architecture,
    Figure,
    Manifest,
    Task,
    is_model_name,
)

_SENTIMENT_LABELS = frozenset({"negative", "neutral", "positive"})


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What a caller asks for; None where the checkpoint or a default decides."""

    checkpoint: Path | str  # a directory, or a model of the hub as OWNER/NAME
    name: str
    output: Path
    revision: str | None = None
    version: int | None = None
    task: Task | None = None
    sample: Path | None = None
    evaluation: Path | None = None
    card: Path | None = None
    source: str | None = None
    licence: str = "not stated"
    default: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and what it is compared with."""

    directory: Path
    manifest: Manifest
    model_bytes: int
    checkpoint_bytes: int
    checkpoint_dtypes: tuple[str, ...]
    seconds: float


def export_checkpoint(request: ExportRequest, progress: Progress) -> ExportReport:
    """Write ``output/name/version`` from a checkpoint, if every check passes.

    ExportRefusedError says in one sentence what stands against the export; nothing is left behind
    then.
    """
    started = time.monotonic()
    if not is_model_name(request.name):
        raise ExportRefusedError(
            f"{request.name!r} cannot name a model: use up to 64 lower-case letters, digits, '.', "
            "'_' and '-', with a letter or digit at both ends"
        )
    version = choose_version(request.output, request.name, request.version)
    texts = BUILT_IN_TEXTS if request.sample is None else read_lines(request.sample)
    body = None if request.card is None else read_text(request.card)

    located = _locate(request, progress)
    progress("reading the checkpoint")
    checkpoint = read_checkpoint(located.directory)
    config = checkpoint.config
    task = choose_task(config, request.task)
    tokenizer = check_tokenizer(checkpoint.tokenizer, config)

    progress("writing the graph")
    graph = build_graph(config, checkpoint.weights)
    figures: tuple[Figure, ...] = ()
    if request.evaluation is not None:
        figures = read_evaluation(request.evaluation, hashlib.sha256(graph).hexdigest())

    with new_package(request.output, request.name, version) as package:
        files = (
            package.write(MODEL_NAME, graph),
            package.write(TOKENIZER_NAME, tokenizer.content),
        )
        parity = measure_parity(
            package.directory / MODEL_NAME,
            config,
            checkpoint.weights,
            build_sequences(tokenizer, texts, config.max_position_embeddings),
            progress,
        )
        manifest = Manifest(
            name=request.name,
            version=version,
            task=task,
            labels=() if config.is_question_answering else config.labels,
            problem_type=None if config.is_question_answering else config.inferred_problem_type,
            max_tokens=config.max_position_embeddings,
            precision="fp32",
            architecture=_architecture(checkpoint),
            tokenizer=tokenizer.facts,
            parity=parity,
            evaluation=figures,
            default=request.default,
            source=_source(request, located),
            licence=request.licence,
            created=datetime.now(UTC).replace(microsecond=0),
            exporter_version=exporter_version(),
            files=files,
        )
        card = package.write(CARD_NAME, write_card(manifest, body).encode())
        manifest = manifest.model_copy(update={"files": (*files, card)})
        package.write(MANIFEST_NAME, (manifest.model_dump_json(indent=2) + "\n").encode())
    return ExportReport(
        directory=request.output / request.name / str(version),
        manifest=manifest,
        model_bytes=len(graph),
        checkpoint_bytes=checkpoint.weight_bytes,
        checkpoint_dtypes=checkpoint.dtypes,
        seconds=time.monotonic() - started,
    )


def choose_task(config: AlbertConfig, asked: Task | None) -> Task:
    """Return the task: the one asked for, if the checkpoint's head can do it.

    Without one, the head decides, and a classifier whose labels are polarities is for sentiment.
    """
    if config.is_question_answering:
        if asked not in (None, Task.QUESTION_ANSWERING):
            raise ExportRefusedError(f"the checkpoint answers questions, it cannot do {asked}")
        return Task.QUESTION_ANSWERING
    if asked is Task.QUESTION_ANSWERING:
        raise ExportRefusedError("the checkpoint classifies sequences, it cannot answer questions")
    polarities = {label.lower() for label in config.labels} <= _SENTIMENT_LABELS
    return asked or (Task.SENTIMENT if polarities else Task.CLASSIFICATION)


def _locate(request: ExportRequest, progress: Progress) -> Fetched:
    directory = Path(request.checkpoint)
    if is_model_id(str(request.checkpoint)) and not directory.exists():
        return fetch_checkpoint(str(request.checkpoint), request.revision, progress)
    if request.revision is not None:
        raise ExportRefusedError(f"{directory} is not a model of the hub, and has no revisions")
    return Fetched(directory, directory.resolve().name)


def _source(request: ExportRequest, located: Fetched) -> str:
    """Return where the checkpoint is from; the commit of a fetched one is always part of it."""
    if request.source is None:
        return located.source
    fetched = located.directory != Path(request.checkpoint)
    return f"{request.source} ({located.source})" if fetched else request.source


def _architecture(checkpoint: Checkpoint) -> Architecture:
    config = checkpoint.config.model_dump(include=set(Architecture.model_fields))
    return Architecture(**config, parameters=checkpoint.weights.parameters)
