"""Measures an exported model directory as it is served, with the service's own code in process.

No torch here: what is measured is `model.onnx`, through the service's tokenising, windows, session
and decoding, with the default parameters of its routes.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_directory.manifest import MODEL_NAME, Task
from service.registry import LoadedModel
from service.tasks.answers import Answer
from service.tasks.classification import ClassificationInput, ClassificationRequest, Prediction
from training.answer_kinds import AnswerKind, kind_of
from training.behaviour.score import score, tallies
from training.behaviour.suites import suite_of
from training.calibration import expected_calibration_error
from training.datasets import OUT_OF_SCOPE, Question
from training.in_process import answer_all, open_model
from training.metrics import accuracy, exact_match, token_f1
from training.question_runs import QuestionRuns
from training.validation import LabelledSet, labelled_sets, question_sets, serves_to_fit

SQUAD_SET = "SQuAD-style questions, held-out articles"
SQUAD_SOURCE = "SQuAD 1.1 and SQuADShifts articles kept aside by a hash of their titles"
BEHAVIOUR_SOURCE = "behaviour suite written for this project: training/behaviour"
CALIBRATION_ERROR = "expected calibration error"

Figure = dict[str, Any]


def evaluate(directory: Path, data: Path) -> dict[str, Any]:
    """Figures of the model in ``directory`` (``models/NAME/VERSION``), and its graph's digest."""
    model = open_model(directory)
    if model.manifest.task is Task.QUESTION_ANSWERING:
        figures = question_answering_figures(model, data)
    else:
        sets = labelled_sets(model.manifest.labels, data)
        figures = [figure for each in sets for figure in label_figures(model, each)]
    figures += behaviour_figures(model)
    digest = hashlib.sha256((directory / MODEL_NAME).read_bytes()).hexdigest()
    return {"model_sha256": digest, "figures": figures}


def label_figures(model: LoadedModel, measured: LabelledSet) -> list[Figure]:
    """Accuracy of the first label; how well those out of scope are told, where there are any; the
    error of calibration on the half that served for nothing else.
    """
    answers: list[list[Prediction]] = answer_all(
        model,
        [ClassificationInput(one.text) for one in measured.examples],
        lambda inputs: ClassificationRequest(inputs, top_k=1),
    )
    best = [answer[0] for answer in answers]
    name, source = measured.name, measured.source
    figures = _accuracies(measured, [prediction.label for prediction in best])
    other_half = [
        (prediction, one)
        for prediction, one in zip(best, measured.examples, strict=True)
        if not serves_to_fit(one)
    ]
    error = expected_calibration_error(
        [prediction.score for prediction, _ in other_half],
        [prediction.label == one.label for prediction, one in other_half],
    )
    return [*figures, _figure(name, CALIBRATION_ERROR, error, len(other_half), source)]


def _accuracies(measured: LabelledSet, predicted: Sequence[str]) -> list[Figure]:
    name, source = measured.name, measured.source
    expected = [one.label for one in measured.examples]
    pairs = list(zip(predicted, expected, strict=True))
    outside = [label == OUT_OF_SCOPE for label in expected]
    if not any(outside):
        return [_figure(name, "accuracy", accuracy(predicted, expected), len(pairs), source)]
    inside = [guess == right for guess, right in pairs if right != OUT_OF_SCOPE]
    recalled = [guess == right for guess, right in pairs if right == OUT_OF_SCOPE]
    told = [guess == right for guess, right in pairs if guess == OUT_OF_SCOPE]
    return [
        _figure(f"{name}, in scope", "accuracy", _mean(inside), len(inside), source),
        _figure(f"{name}, out of scope", "recall", _mean(recalled), len(recalled), source),
        _figure(f"{name}, out of scope", "precision", _mean(told), max(1, len(told)), source),
    ]


def question_answering_figures(model: LoadedModel, data: Path) -> list[Figure]:
    """Exact match and F1 over held-out articles, F1 for each kind of answer, F1 where half has no
    answer, and the errors of calibration.
    """
    sets = question_sets(data)
    answerable, mixed = sets.answerable, (*sets.answerable, *sets.unanswerable)
    kept = QuestionRuns(model, mixed)
    found = kept.answers(may_be_none=False)[: len(answerable)]
    told = kept.answers(may_be_none=True)
    with_none = f"{SQUAD_SET}, and over paragraphs without the answer"
    overlap = [_f1(answer, one) for answer, one in zip(found, answerable, strict=True)]
    figures = [
        _squad(SQUAD_SET, "exact match", _exact(found, answerable)),
        _squad(SQUAD_SET, "F1", overlap),
    ]
    for kind in AnswerKind:
        scores = [
            value
            for value, one in zip(overlap, answerable, strict=True)
            if kind_of(one.answers[0][1]) is kind
        ]
        if scores:
            figures.append(_squad(SQUAD_SET, f"F1 of {kind}", scores))
    mixed_f1 = [_f1(answer, one) for answer, one in zip(told, mixed, strict=True)]
    figures.append(_squad(with_none, "F1 with no-answer", mixed_f1))
    for name, answers, asked in ((SQUAD_SET, found, answerable), (with_none, told, mixed)):
        other_half = [
            (answer, one)
            for answer, one in zip(answers, asked, strict=True)
            if not serves_to_fit(one)
        ]
        error = expected_calibration_error(
            [min(1.0, answer.score) for answer, _ in other_half],
            _exact(*zip(*other_half, strict=True)),
        )
        figures.append(_figure(name, CALIBRATION_ERROR, error, len(other_half), SQUAD_SOURCE))
    return figures


def behaviour_figures(model: LoadedModel) -> list[Figure]:
    """The share of cases passed of each capability of the model's behaviour suite."""
    return [
        _figure(
            f"behaviour: {tally.capability.name}",
            f"passed, {tally.capability.kind}",
            tally.share,
            tally.total,
            BEHAVIOUR_SOURCE,
        )
        for tally in tallies(score(model, suite_of(model.manifest).cases))
    ]


def _exact(answers: Sequence[Answer], questions: Sequence[Question]) -> list[float]:
    """1 where the answer is right, or rightly missing, else 0."""
    return [
        exact_match(answer.answer, [text for _, text in one.answers] or [""])
        for answer, one in zip(answers, questions, strict=True)
    ]


def _f1(answer: Answer, question: Question) -> float:
    return token_f1(answer.answer, [text for _, text in question.answers])


def _squad(dataset: str, metric: str, values: Sequence[float]) -> Figure:
    return _figure(dataset, metric, _mean(values), len(values), SQUAD_SOURCE)


def _mean(values: Sequence[float]) -> float:
    """0 of nothing: of no answers none is right."""
    return sum(values) / len(values) if values else 0.0


def _figure(dataset: str, metric: str, value: float, examples: int, source: str) -> Figure:
    return {
        "dataset": dataset,
        "metric": metric,
        "value": round(value, 4),
        "examples": examples,
        "source": source,
    }


def write_figures(result: dict[str, Any], output: Path) -> None:
    """Writes the figures as the exporter's ``--evaluation`` reads them."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
