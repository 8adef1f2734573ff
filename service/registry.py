"""Which models are loaded, which failed and why, and which one answers each task's route."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from model_directory.catalogue import CatalogueEntry, list_models
from model_directory.errors import ModelDirectoryError
from model_directory.integrity import VerifiedVersion, claimed_manifest, open_version
from model_directory.manifest import Manifest, Precision, Task
from model_directory.panic import is_panic
from service.graph_check import check_graph
from service.runtime.device import CPU, Device, DeviceError
from service.runtime.sequence import Sequence
from service.runtime.session import Session
from service.scheduling.cost import CostModel
from service.scheduling.turns import GATHERING_CORES
from service.tasks.classification import ClassificationTask
from service.tasks.encoding import TextEncoder
from service.tasks.question_answering import QuestionAnsweringTask
from service.tasks.task import TextTask

log = structlog.get_logger(__name__)

CALIBRATION_LENGTHS = (8, 32, 128, 384)
CALIBRATION_ROUNDS = 2
CALIBRATION_SECONDS = 1.0
"""After this long the calibration stops at the shapes it has reached: a large model learns the rest
from real runs.
"""

WIDE_TOKENS, WIDE_SECONDS = 128, 0.02
"""A model that runs this many tokens in less time gains a few milliseconds at most from several
cores, which is not worth holding its weights twice.
"""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that answers."""

    manifest: Manifest
    task: TextTask[Any, Any, Any]
    session: Session
    cost: CostModel
    load_seconds: float

    @property
    def name(self) -> str:
        """The name that routes and metrics know it by."""
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A model that could not be loaded.

    ``task`` and ``default`` are what its manifest says; None and False when it cannot be read.
    """

    name: str
    version: int
    task: Task | None
    reason: str
    default: bool = False


def shown(name: str) -> str:
    """``name`` in quotes: one that a caller made up may be of any length."""
    return repr(name if len(name) <= 64 else name[:63] + "…")


class NoSuchModelError(Exception):
    """No model of that name, or none for that task."""


class ModelUnavailableError(Exception):
    """The model that should answer failed to load."""


class Registry:
    """The models of one directory. Filled once, at the start, then only read."""

    def __init__(
        self, defaults: Mapping[Task, str | None], device: Device = CPU, cores: int = 1
    ) -> None:
        self._defaults = defaults
        self._device = device
        self._cores = cores
        self._loaded: dict[str, LoadedModel] = {}
        self._failed: dict[str, FailedModel] = {}

    @property
    def loaded(self) -> list[LoadedModel]:
        """By name."""
        return sorted(self._loaded.values(), key=lambda model: model.name)

    @property
    def failed(self) -> list[FailedModel]:
        """By name."""
        return sorted(self._failed.values(), key=lambda model: model.name)

    def load(self, directory: Path, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Load the highest version of every name under ``directory``, until ``is_ending``, which is
        asked before each. What cannot be loaded is recorded, not raised.
        """
        try:
            entries = list_models(directory, _pass_over)
        except ModelDirectoryError as error:
            log.error("no models", reason=str(error))
            return
        for entry in entries:
            if is_ending():
                return
            self._load_entry(entry)

    def get(self, name: str) -> LoadedModel:
        """The model of that name. Raises NoSuchModelError or ModelUnavailableError."""
        if name in self._loaded:
            return self._loaded[name]
        if name in self._failed:
            raise ModelUnavailableError(f"The model {name!r} failed to load.")
        known = ", ".join(sorted(self._loaded)) or "none"
        raise NoSuchModelError(f"There is no model {shown(name)}; loaded are: {known}.")

    def default(self, task: Task) -> LoadedModel:
        """The model that answers the task's route: the one that the settings name, else the first
        by name of those whose manifest says ``default``, else the first by name.

        Raises NoSuchModelError or ModelUnavailableError.
        """
        chosen = self._defaults.get(task)
        if chosen is not None:
            try:
                model = self.get(chosen)
            except NoSuchModelError as error:
                raise ModelUnavailableError(
                    f"The model {chosen!r}, set as default for {task}, is not there."
                ) from error
            if model.manifest.task is not task:
                raise ModelUnavailableError(
                    f"The model {chosen!r}, set as default for {task}, does {model.manifest.task}."
                )
            return model
        candidates = [
            (not model.manifest.default, model.name)
            for model in self._loaded.values()
            if model.manifest.task is task
        ] + [
            (not model.default, model.name) for model in self._failed.values() if model.task is task
        ]
        if not candidates:
            raise NoSuchModelError(f"No model for {task} is loaded.")
        _, name = min(candidates)
        return self.get(name)

    def missing(self) -> list[str]:
        """Why requests to the task routes cannot be served: one sentence for each route that lacks
        its model.
        """
        if not self._loaded:
            return ["No model is loaded."]
        reasons = []
        for task in Task:
            try:
                self.default(task)
            except ModelUnavailableError as error:
                reasons.append(str(error))
            except NoSuchModelError:
                continue  # nobody put a model for this task there: 404, and nothing is amiss
        return reasons

    def _load_entry(self, entry: CatalogueEntry) -> None:
        start = time.perf_counter()
        try:
            model = load_model(
                open_version(entry.directory), start, device=self._device, cores=self._cores
            )
        except (ModelDirectoryError, DeviceError) as error:
            reason = str(error)
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            # onnxruntime and tokenizers raise types of their own for a file that they cannot read.
            log.error("a model failed to load", model=entry.name, error=repr(error))
            reason = "The files are whole, but the model cannot be loaded; the log has the cause."
        else:
            self._loaded[entry.name] = model
            log.info(
                "model loaded",
                model=entry.name,
                version=entry.version,
                task=model.manifest.task.value,
                device=model.session.device.name,
                seconds=round(model.load_seconds, 3),
            )
            return
        claimed = claimed_manifest(entry.directory)
        failed = FailedModel(
            entry.name,
            entry.version,
            None if claimed is None else claimed.task,
            reason,
            default=claimed is not None and claimed.default,
        )
        self._failed[entry.name] = failed
        log.error("a model is not served", model=entry.name, version=entry.version, reason=reason)


def _pass_over(name: str, reason: str) -> None:
    """A name may be anything that a file system takes, also what is not UTF-8."""
    log.warning("an entry of the models directory is passed over", name=repr(name), reason=reason)


def load_model(
    version: VerifiedVersion, start: float, *, device: Device = CPU, cores: int = 1
) -> LoadedModel:
    """Make the session, the tokenizer and the task, run it once or more, and learn what its runs
    cost. Where a lone text is worth more than one of the ``cores``, the session is widened.

    DeviceError if it cannot run on ``device``, ModelDirectoryError if graph and manifest do not
    agree.
    """
    manifest = version.manifest
    if device.is_gpu and manifest.precision is Precision.INT8:
        raise DeviceError(
            "onnxruntime computes int8 on the CPU alone; "
            f"on {device.name} serve an export with --precision fp16 or fp32"
        )
    encoder = TextEncoder(version.tokenizer, manifest.tokenizer)
    session = Session(
        version.model,
        pad_token_id=manifest.tokenizer.pad_token_id,
        packs=manifest.packed,
        device=device,
    )
    # A first run sets a GPU up: this one does not pass for what every run costs.
    check_graph(version, session)
    cost = CostModel()
    calibrate(session, cost, manifest)
    if cores > 1 and not device.is_gpu and cost.predict(1, WIDE_TOKENS) > WIDE_SECONDS:
        session.widen(version.model, cores, overtaken=cores > GATHERING_CORES)
        session.run([_calibration_row(manifest, CALIBRATION_LENGTHS[0])], wide=True)
    task = _task(manifest, encoder)
    return LoadedModel(manifest, task, session, cost, time.perf_counter() - start)


def calibrate(session: Session, cost: CostModel, manifest: Manifest) -> None:
    """Run rows of several lengths, so that the first prediction is already of this machine."""
    end = time.perf_counter() + CALIBRATION_SECONDS
    for _ in range(CALIBRATION_ROUNDS):
        for length in CALIBRATION_LENGTHS:
            row = _calibration_row(manifest, length)
            start = time.perf_counter()
            session.run([row])
            cost.observe(1, row.length, time.perf_counter() - start)
            if time.perf_counter() > end:
                break
    cost.calibrated()


def _calibration_row(manifest: Manifest, length: int) -> Sequence:
    length = min(length, manifest.max_tokens)
    input_ids = np.full(length, manifest.tokenizer.sep_token_id, dtype=np.int64)
    input_ids[0] = manifest.tokenizer.cls_token_id
    return Sequence(input_ids, np.zeros_like(input_ids))


def _task(manifest: Manifest, encoder: TextEncoder) -> TextTask[Any, Any, Any]:
    if manifest.task is Task.QUESTION_ANSWERING:
        return QuestionAnsweringTask(encoder, max_tokens=manifest.max_tokens)
    if manifest.problem_type is None:
        raise ValueError("a classification manifest without problem_type")
    return ClassificationTask(
        encoder,
        labels=manifest.labels,
        problem_type=manifest.problem_type,
        max_tokens=manifest.max_tokens,
    )
