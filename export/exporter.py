"""Exports one checkpoint: reads, writes, measures, and only then lets the version appear."""

import hashlib
import os
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
from export.half_precision import halve
from export.hub import Fetched, fetch_checkpoint, is_model_id
from export.package import choose_version, new_package
from export.parity import BUILT_IN_TEXTS, ParitySequence, build_sequences, measure_parity
from export.progress import Progress
from export.quantisation.layers import LayerError, layer_errors
from export.quantisation.plan import Site
from export.quantisation.search import Attempt, Quantised, quantise
from export.quantisation.texts import built_in_sequences, sequences_of
from export.speed import measure_speed
from export.text_files import read_lines, read_text
from export.tokenizer import CheckedTokenizer, check_tokenizer
from export.version import exporter_version
from model_directory.manifest import (
    CARD_NAME,
    MANIFEST_NAME,
    MODEL_NAME,
    TOKENIZER_NAME,
    Architecture,
    Figure,
    Manifest,
    Precision,
    Quantisation,
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
    precision: Precision = Precision.FP32
    calibration: Path | None = None
    sample: Path | None = None
    evaluation: Path | None = None
    card: Path | None = None
    source: str | None = None
    licence: str = "not stated"
    default: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and what it is compared with."""

    directory: Path
    manifest: Manifest
    model_bytes: int
    fp32_bytes: int
    checkpoint_bytes: int
    checkpoint_dtypes: tuple[str, ...]
    seconds: float
    attempts: tuple[Attempt, ...] = ()
    layer_errors: tuple[LayerError, ...] = ()


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
    if request.explain and request.precision is not Precision.INT8:
        raise ExportRefusedError("--explain is about --precision int8")
    if request.calibration and request.precision is Precision.FP32:
        raise ExportRefusedError("--calibration is about --precision int8 and fp16")
    _check_texts(request)
    version = choose_version(request.output, request.name, request.version)
    texts = BUILT_IN_TEXTS if request.sample is None else read_lines(request.sample)
    calibration_lines = None if request.calibration is None else read_lines(request.calibration)
    body = None if request.card is None else read_text(request.card)

    located = _locate(request, progress)
    source = _source(request, located)
    _check_utf_8("the name of the checkpoint's directory, where --source gives no other,", source)
    progress("reading the checkpoint")
    checkpoint = read_checkpoint(located.directory)
    config = checkpoint.config
    task = choose_task(config, request.task)
    tokenizer = check_tokenizer(checkpoint.tokenizer, config)

    progress("writing the graph")
    fp32 = build_graph(config, checkpoint.weights)
    with new_package(request.output, request.name, version) as package:
        parity = measure_parity(
            fp32,
            config,
            checkpoint.weights,
            build_sequences(tokenizer, texts, config.max_position_embeddings),
            progress,
        )
        graph, agreement, quantised = fp32, None, None
        if request.precision is not Precision.FP32:
            sequences = _judged_sequences(config, tokenizer, calibration_lines)
            judged = (config, checkpoint.weights, fp32, sequences, progress)
            if request.precision is Precision.FP16:
                graph, agreement = halve(*judged)
            else:
                quantised = quantise(*judged)
                graph, agreement = quantised.graph, quantised.accepted.agreement
        figures: tuple[Figure, ...] = ()
        if request.evaluation is not None:
            figures = read_evaluation(request.evaluation, hashlib.sha256(graph).hexdigest())
        files = (
            package.write(MODEL_NAME, graph),
            package.write(TOKENIZER_NAME, tokenizer.content),
        )
        manifest = Manifest(
            name=request.name,
            version=version,
            task=task,
            labels=() if config.is_question_answering else config.labels,
            problem_type=None if config.is_question_answering else config.inferred_problem_type,
            max_tokens=config.max_position_embeddings,
            precision=request.precision,
            packed=request.precision is not Precision.FP16,
            architecture=_architecture(checkpoint),
            tokenizer=tokenizer.facts,
            parity=parity,
            agreement=agreement,
            quantisation=_quantisation(request, quantised),
            speed=measure_speed(config, graph, None if graph is fp32 else fp32, progress),
            evaluation=figures,
            default=request.default,
            source=source,
            licence=request.licence,
            created=datetime.now(UTC).replace(microsecond=0),
            exporter_version=exporter_version(),
            files=files,
        )
        card = package.write(CARD_NAME, write_card(manifest, body).encode())
        manifest = manifest.model_copy(update={"files": (*files, card)})
        errors: list[LayerError] = []
        if quantised is not None and request.explain:
            progress("comparing the layers")
            errors = layer_errors(config, checkpoint.weights, quantised)
        package.write(MANIFEST_NAME, (manifest.model_dump_json(indent=2) + "\n").encode())
    return ExportReport(
        directory=request.output / request.name / str(version),
        manifest=manifest,
        model_bytes=len(graph),
        fp32_bytes=len(fp32),
        checkpoint_bytes=checkpoint.weight_bytes,
        checkpoint_dtypes=checkpoint.dtypes,
        seconds=time.monotonic() - started,
        attempts=() if quantised is None else quantised.attempts,
        layer_errors=tuple(errors),
    )


def _check_texts(request: ExportRequest) -> None:
    """Refuse what the manifest could not hold, before anything is computed for it."""
    calibration = None if request.calibration is None else request.calibration.name
    texts = {"--source": request.source, "--licence": request.licence, "--calibration": calibration}
    for option, text in texts.items():
        _check_utf_8(option, text or "")


def _check_utf_8(what: str, text: str) -> None:
    """A command line may hold any bytes: Python keeps those that are no UTF-8 as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ExportRefusedError(f"{what} is not UTF-8: {text!r}") from error


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


def _judged_sequences(
    config: AlbertConfig, tokenizer: CheckedTokenizer, lines: list[str] | None
) -> list[ParitySequence]:
    """Return what a graph of another precision is compared with fp32 on."""
    asks, longest = config.is_question_answering, min(config.max_position_embeddings, 512)
    if lines is None:
        return built_in_sequences(tokenizer, asks, longest)
    return sequences_of(tokenizer, lines, asks, longest)


def _quantisation(request: ExportRequest, quantised: Quantised | None) -> Quantisation | None:
    if quantised is None:
        return None
    plan, given = quantised.accepted.plan, request.calibration
    return Quantisation(
        rounding={str(site): str(plan[site]) for site in Site},
        calibration="built-in texts" if given is None else given.name,
        calibration_texts=quantised.calibration_texts,
    )


def _locate(request: ExportRequest, progress: Progress) -> Fetched:
    directory = Path(request.checkpoint)
    if is_model_id(str(request.checkpoint)) and not directory.exists():
        return fetch_checkpoint(str(request.checkpoint), request.revision, progress)
    if request.revision is not None:
        raise ExportRefusedError(f"{directory} is not a model of the hub, and has no revisions")
    return Fetched(directory, Path(os.path.realpath(directory)).name)


def _source(request: ExportRequest, located: Fetched) -> str:
    """Return where the checkpoint is from; the commit of a fetched one is always part of it."""
    if request.source is None:
        return located.source
    fetched = located.directory != Path(request.checkpoint)
    return f"{request.source} ({located.source})" if fetched else request.source


def _architecture(checkpoint: Checkpoint) -> Architecture:
    config = checkpoint.config.model_dump(include=set(Architecture.model_fields))
    return Architecture(**config, parameters=checkpoint.weights.parameters)
