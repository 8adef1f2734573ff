"""Calibrates a final checkpoint, exports it, measures the file, and writes it with its card."""

import hashlib
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from export.exporter import ExportRequest, export_checkpoint
from model_directory.catalogue import list_versions
from model_directory.integrity import open_version
from model_directory.manifest import CARD_NAME, MODEL_NAME, TOKENIZER_NAME, Figure
from training.calibration import recorded_temperature, scale_head
from training.evaluate import evaluate, write_figures
from training.in_process import open_model
from training.temperature import fit_served

CARDS = Path(__file__).parent / "cards"
DEFAULT_CLASSIFIER = "topics"
"""Of the two models for classification, the one that answers ``/v1/classification``."""
LICENCE = (
    "Apache-2.0 for what this project adds; several of the training sets are for research only "
    "or state no licence: see the card, under Data"
)


def publish(name: str, data: Path, work: Path, models: Path) -> Path:
    """Writes the next version of ``models/NAME`` from ``work/final/NAME`` and returns it.

    The temperature is fitted on what a first export, beside, answers. A copy of the checkpoint with
    its head divided by it is exported beside again and measured; the last export has the same
    graph to the byte, which the exporter checks before it takes the figures over. The trained
    checkpoint stays as it is, so that a second call comes to the same graph; where that graph, its
    figures and its card are there already, nothing is written.
    """
    trained, card = work / "final" / name, CARDS / f"{name}.md"
    figures = work / f"{name}-figures.json"
    with TemporaryDirectory() as beside:
        calibrated, exports = Path(beside) / "calibrated", Path(beside) / "exports"
        shutil.copytree(trained, calibrated)
        first = export_checkpoint(_request(name, trained, exports), _say)
        print("fitting the temperature", flush=True)
        fitted = fit_served(open_model(first.directory), data)
        scale_head(calibrated, fitted.temperature * recorded_temperature(trained))
        second = export_checkpoint(_request(name, calibrated, exports), _say)
        print("measuring the exported file", flush=True)
        result = evaluate(second.directory, data)
        result["figures"].append(fitted.figure())
        write_figures(result, figures)
        print(json.dumps(result["figures"], indent=2))
        there = _published(models, name, second.directory, result, card)
        if there is not None:
            print(f"{there} is this model already")
            return there
        request = _request(name, calibrated, models, figures, card)
        return export_checkpoint(request, _say).directory


def _published(
    models: Path, name: str, measured: Path, result: dict[str, Any], card: Path
) -> Path | None:
    """The highest version, if it has the files, figures and card that would be written."""
    versions = list_versions(models, name) if (models / name).is_dir() else []
    if not versions:
        return None
    directory = models / name / str(max(versions))
    manifest = open_version(directory).manifest
    same_files = all(
        _digest(directory / file) == _digest(measured / file)
        for file in (MODEL_NAME, TOKENIZER_NAME)
    )
    same_figures = manifest.evaluation == tuple(Figure(**each) for each in result["figures"])
    text = (directory / CARD_NAME).read_text(encoding="utf-8")
    same_card = text.rstrip().endswith(card.read_text(encoding="utf-8").strip())
    return directory if same_files and same_figures and same_card else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _request(
    name: str,
    checkpoint: Path,
    output: Path,
    figures: Path | None = None,
    card: Path | None = None,
) -> ExportRequest:
    return ExportRequest(
        checkpoint=checkpoint,
        name=name,
        output=output,
        evaluation=figures,
        card=card,
        source="trained by this project: training/README.md",
        licence=LICENCE,
        default=name == DEFAULT_CLASSIFIER,
    )


def _say(stage: str, done: int = 0, of: int = 0) -> None:
    if done == 0:
        print(stage, flush=True)
