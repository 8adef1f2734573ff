"""Measures what int8 costs the default models on their validation sets, rounding by rounding.

    python -m bench.int8_accuracy --data DATA

Each model of `models/` is read back into a checkpoint, calibrated on the exporter's built-in texts,
and asked the questions of its validation set through the service's own code, once in fp32 and once
with each rounding. Needs the environment of `make install-train`, and the data sets of training.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.int8_variants import FP32_SCORES, every
from export.checkpoint import Checkpoint, read_checkpoint
from export.graph import build_graph
from export.quantisation.calibration import calibrate
from export.quantisation.graph import build_int8_graph
from export.quantisation.plan import Plan, Rounding
from export.quantisation.texts import built_in_sequences
from export.tokenizer import check_tokenizer
from model_directory.manifest import Task
from service.registry import LoadedModel
from service.runtime.session import Session
from training.evaluate import label_figures
from training.in_process import open_model
from training.metrics import token_f1
from training.onnx_encoder import restore_checkpoint
from training.question_runs import QuestionRuns
from training.validation import labelled_sets, question_sets

_LONGEST = 512
PLANS: Mapping[str, Plan] = {
    "static": Plan(),
    "static, query x key in fp32": FP32_SCORES,
    "smoothed": every(Rounding.SMOOTHED),
    "per token": every(Rounding.PER_TOKEN),
}


def main(
    data: Annotated[Path, typer.Option(help="The data sets of training.")],
    models: Annotated[Path, typer.Option(help="The models directory.")] = Path("models"),
    name: Annotated[list[str] | None, typer.Option(help="Only these models.")] = None,
) -> None:
    """Print a row for each model and set: points in fp32, and the difference of each rounding."""
    print(f"| model, set | rows | fp32 | {' | '.join(PLANS)} |")
    print(f"|---|{'---|' * (len(PLANS) + 2)}", flush=True)
    for directory in sorted(models.iterdir()):
        if name and directory.name not in name:
            continue
        model = open_model(max(directory.iterdir(), key=lambda version: int(version.name)))
        with tempfile.TemporaryDirectory() as beside:
            restored = Path(beside) / "checkpoint"
            restore_checkpoint(directory / str(model.manifest.version), restored)
            checkpoint = read_checkpoint(restored)
        graphs = {"fp32": build_graph(checkpoint.config, checkpoint.weights)}
        graphs |= _int8_graphs(checkpoint)
        measured = {way: _points(_with(model, graph), data) for way, graph in graphs.items()}
        for place, (label, rows, points) in enumerate(measured.pop("fp32")):
            cells = (f"{each[place][2] - points:+.2f}" for each in measured.values())
            print(f"| {model.name}, {label} | {rows:,} | {points:.2f} | {' | '.join(cells)} |")


def _int8_graphs(checkpoint: Checkpoint) -> dict[str, bytes]:
    config, weights = checkpoint.config, checkpoint.weights
    tokenizer = check_tokenizer(checkpoint.tokenizer, config)
    sequences = built_in_sequences(tokenizer, config.is_question_answering, _LONGEST)[0::2]
    calibration = calibrate(config, weights, sequences, _silent)
    return {
        way: build_int8_graph(config, weights, plan, calibration) for way, plan in PLANS.items()
    }


def _with(model: LoadedModel, graph: bytes) -> LoadedModel:
    pad_token_id = model.manifest.tokenizer.pad_token_id
    return replace(model, session=Session(graph, pad_token_id=pad_token_id))


def _points(model: LoadedModel, data: Path) -> list[tuple[str, int, float]]:
    """Return set and metric, number of rows, and hundred times the metric."""
    if model.manifest.task is Task.QUESTION_ANSWERING:
        questions = question_sets(data).answerable
        answers = QuestionRuns(model, questions).answers(may_be_none=False)
        shared = [
            token_f1(answer.answer, [text for _, text in question.answers])
            for answer, question in zip(answers, questions, strict=True)
        ]
        return [("held-out articles, F1", len(questions), 100 * float(np.mean(shared)))]
    figures = [
        figure
        for each in labelled_sets(model.manifest.labels, data)
        for figure in label_figures(model, each)
        if figure["metric"] == "accuracy"
    ]
    return [(each["dataset"], each["examples"], 100 * each["value"]) for each in figures]


def _silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


if __name__ == "__main__":
    typer.run(main)
