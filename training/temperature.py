"""Fits a model's temperature on validation data, through the exported file as it is served."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_directory.manifest import Task
from service.registry import LoadedModel
from service.tasks.classification import Activation, ClassificationInput, ClassificationRequest
from training.calibration import fit_score_temperature, fit_temperature
from training.datasets import Question
from training.in_process import answer_all
from training.metrics import exact_match
from training.question_runs import QuestionRuns
from training.validation import Example, labelled_sets, question_sets, serves_to_fit

QUESTIONS = 600
"""Of each sort, with an answer and without: enough for one number."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A temperature, and how many answers it was fitted on."""

    temperature: float
    examples: int

    def figure(self) -> dict[str, Any]:
        """As the exporter takes it, beside the figures that were measured with it."""
        return {
            "dataset": "the half of the validation data that serves to fit",
            "metric": "temperature, part of the weights",
            "value": round(self.temperature, 4),
            "examples": self.examples,
            "source": "training/calibration.py",
        }


def fit_served(model: LoadedModel, data: Path) -> Fitted:
    """The temperature of a default model, on the half of its validation data that serves to fit."""
    if model.manifest.task is Task.QUESTION_ANSWERING:
        sets = question_sets(data)
        answerable, unanswerable = (
            list(filter(serves_to_fit, each))[:QUESTIONS]
            for each in (sets.answerable, sets.unanswerable)
        )
        temperature = fit_questions(model, answerable, unanswerable)
        return Fitted(temperature, len(answerable) + len(unanswerable))
    examples = [one for each in labelled_sets(model.manifest.labels, data) for one in each.examples]
    fitting = list(filter(serves_to_fit, examples))
    return Fitted(fit_labels(model, fitting), len(fitting))


def fit_labels(model: LoadedModel, examples: list[Example]) -> float:
    """The temperature of a model with exclusive labels; of a long text its windows' mean logits."""
    answers = answer_all(
        model,
        [ClassificationInput(one.text) for one in examples],
        lambda inputs: ClassificationRequest(inputs, activation=Activation.NONE),
    )
    number = {label: place for place, label in enumerate(model.manifest.labels)}
    logits = np.empty((len(examples), len(number)))
    for row, answer in zip(logits, answers, strict=True):
        for prediction in answer:
            row[number[prediction.label]] = prediction.score
    return fit_temperature(logits, [number[one.label] for one in examples])


def fit_questions(
    model: LoadedModel, answerable: list[Question], unanswerable: list[Question]
) -> float:
    """The temperature of the scores of best answers: of answerable questions as the route answers
    them by default, and of all questions where it may say that there is no answer.
    """
    mixed = [*answerable, *unanswerable]
    kept = QuestionRuns(model, mixed)

    def scored(temperature: float) -> tuple[list[float], list[bool]]:
        must = kept.answers(may_be_none=False, temperature=temperature)[: len(answerable)]
        may = kept.answers(may_be_none=True, temperature=temperature)
        pairs = [*zip(must, answerable, strict=True), *zip(may, mixed, strict=True)]
        correct = [
            exact_match(answer.answer, [text for _, text in one.answers] or [""]) == 1
            for answer, one in pairs
        ]
        return [min(1.0, answer.score) for answer, _ in pairs], correct

    return fit_score_temperature(scored)
