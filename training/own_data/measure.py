"""Measures a fine-tuned checkpoint as it will be served: exported, through the service's own code.

No torch here. The exporter writes the same graph to the byte each time, so the figures can be
handed to it with ``--evaluation``.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from export.exporter import ExportRequest, export_checkpoint
from model_directory.manifest import MODEL_NAME, Task
from service.registry import LoadedModel
from service.tasks.classification import ClassificationInput, ClassificationRequest
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from training.calibration import expected_calibration_error
from training.datasets import Question
from training.in_process import answer_all, open_model
from training.metrics import exact_match, token_f1
from training.own_data.question_data import QuestionData
from training.own_data.scores import LabelScore, score_labels
from training.own_data.text_data import TextData

LEAST_FOR_CALIBRATION_ERROR = 100
LEAST_SCORE = 0.5
"""Of a label that a multi-label model is taken to say."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures by their metric's name, of ``examples`` texts or questions, on one exported graph."""

    figures: dict[str, float]
    examples: int
    labels: tuple[LabelScore, ...]
    model_sha256: str

    def evaluation(self, dataset: str, source: str) -> dict[str, Any]:
        """The content of a file for ``albert-export --evaluation``."""
        return {
            "model_sha256": self.model_sha256,
            "figures": [
                {
                    "dataset": dataset,
                    "metric": metric,
                    "value": round(value, 4),
                    "examples": self.examples,
                    "source": source,
                }
                for metric, value in self.figures.items()
            ],
        }


def measure_texts(checkpoint: Path, task: Task, data: TextData) -> Measured:
    """Accuracy and F1 on the validation rows, and each label's scores."""
    with TemporaryDirectory() as beside:
        model, digest = _served(checkpoint, task, Path(beside))
        answers = answer_all(
            model, [ClassificationInput(one.text) for one in data.validation], ClassificationRequest
        )
    numbers = {label: number for number, label in enumerate(data.labels)}
    expected = [frozenset(one.labels) for one in data.validation]
    if data.multi_label:
        predicted = [
            frozenset(numbers[one.label] for one in answer if one.score >= LEAST_SCORE)
            for answer in answers
        ]
        scores = score_labels(predicted, expected, data.labels)
        figures = {"micro F1": scores.micro_f1, "macro F1": scores.macro_f1}
        figures["all labels right"] = scores.accuracy
    else:
        predicted = [frozenset([numbers[answer[0].label]]) for answer in answers]
        scores = score_labels(predicted, expected, data.labels)
        figures = {"accuracy": scores.accuracy, "macro F1": scores.macro_f1}
        if len(answers) >= LEAST_FOR_CALIBRATION_ERROR:
            correct = [guess == truth for guess, truth in zip(predicted, expected, strict=True)]
            confidence = [answer[0].score for answer in answers]
            figures["expected calibration error"] = expected_calibration_error(confidence, correct)
    return Measured(figures, len(answers), scores.labels, digest)


def measure_questions(checkpoint: Path, data: QuestionData) -> Measured:
    """SQuAD's exact match and F1, with the default parameters of the route; where the data has
    questions without an answer, with ``handle_impossible_answer``.
    """
    with TemporaryDirectory() as beside:
        model, digest = _served(checkpoint, Task.QUESTION_ANSWERING, Path(beside))
        found = _answers(model, data.validation, no_answer=data.has_unanswerable)
    right = [[text for _, text in question.answers] for question in data.validation]
    pairs = list(zip(found, right, strict=True))
    exact = [exact_match(text, answers or [""]) for text, answers in pairs]
    overlap = [token_f1(text, answers) for text, answers in pairs]
    figures = {"exact match": float(np.mean(exact)), "F1": float(np.mean(overlap))}
    return Measured(figures, len(pairs), (), digest)


def _answers(model: LoadedModel, questions: Sequence[Question], *, no_answer: bool) -> list[str]:
    answers = answer_all(
        model,
        [QuestionInput(one.question, (one.context,)) for one in questions],
        lambda inputs: QuestionAnsweringRequest(inputs, handle_impossible_answer=no_answer),
    )
    return [answer[0].answer for answer in answers]


def _served(checkpoint: Path, task: Task, models: Path) -> tuple[LoadedModel, str]:
    """The checkpoint's exported model, loaded, and the digest of its graph."""
    request = ExportRequest(checkpoint, "fine-tuned", models, task=task)
    directory = export_checkpoint(request, _silent).directory
    digest = hashlib.sha256((directory / MODEL_NAME).read_bytes()).hexdigest()
    return open_model(directory), digest


def _silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""
