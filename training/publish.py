"""Exports a final checkpoint, measures the file, and writes it with its figures and card."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from export.exporter import ExportRequest, export_checkpoint
from training.evaluate import evaluate, write_figures

CARDS = Path(__file__).parent / "cards"
LICENCE = (
    "Apache-2.0 for what this project adds; several of the training sets are for research only "
    "or state no licence: see the card"
)


def publish(task: str, data: Path, work: Path, models: Path) -> Path:
    """Writes the next version of ``models/TASK`` from ``work/final/TASK`` and returns it.

    The figures are measured on a first export, beside; the second one has the same graph to the
    byte, which the exporter checks before it takes the figures over.
    """
    checkpoint, figures = work / "final" / task, work / f"{task}-figures.json"
    with TemporaryDirectory() as beside:
        first = export_checkpoint(_request(task, checkpoint, Path(beside)), _say)
        result = evaluate(first.directory, data)
    write_figures(result, figures)
    print(json.dumps(result["figures"], indent=2))
    request = _request(task, checkpoint, models, figures, CARDS / f"{task}.md")
    return export_checkpoint(request, _say).directory


def _request(
    task: str,
    checkpoint: Path,
    output: Path,
    figures: Path | None = None,
    card: Path | None = None,
) -> ExportRequest:
    return ExportRequest(
        checkpoint=checkpoint,
        name=task,
        output=output,
        evaluation=figures,
        card=card,
        source="trained by this project: training/README.md",
        licence=LICENCE,
    )


def _say(stage: str, done: int = 0, of: int = 0) -> None:
    if done == 0:
        print(stage, flush=True)
