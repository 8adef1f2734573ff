"""Measures an exported model directory as it is served, with the service's own code in process.

No torch here: what is measured is `model.onnx`, through the service's tokenising, windows, session
and decoding, with the default parameters of its routes.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model_directory.integrity import open_version
from model_directory.manifest import Task
from service.registry import LoadedModel, load_model
from service.tasks.classification import ClassificationInput, ClassificationRequest
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from training.datasets import TOPIC_LABELS, LabelledText, Question, read_ag_news, read_sst2
from training.held_out import held_out_questions, paired_with_other_paragraphs
from training.metrics import accuracy, exact_match, token_f1

ROWS_AT_ONCE = 8
SST2_SOURCE = "GLUE SST-2, development set"
AG_NEWS_SOURCE = "AG News training rows kept aside by a hash of their text"
SQUAD_SOURCE = "SQuAD 1.1 and SQuADShifts articles kept aside by a hash of their titles"

Figure = dict[str, Any]


def evaluate(directory: Path, data: Path) -> dict[str, Any]:
    """Figures of the model in ``directory`` (``models/NAME/VERSION``), and its graph's digest."""
    version = open_version(directory)
    model = load_model(version, time.perf_counter())
    task, labels = version.manifest.task, version.manifest.labels
    if task is Task.QUESTION_ANSWERING:
        figures = question_answering_figures(model, data)
    elif set(labels) == set(TOPIC_LABELS):
        _, rows = read_ag_news(data)
        figures = [accuracy_figure(model, rows, TOPIC_LABELS, "AG News, held-out", AG_NEWS_SOURCE)]
    else:
        rows = read_sst2(data, "dev")
        figures = [accuracy_figure(model, rows, ("negative", "positive"), "SST-2 dev", SST2_SOURCE)]
    digest = hashlib.sha256(version.model).hexdigest()
    return {"model_sha256": digest, "figures": figures}


def accuracy_figure(
    model: LoadedModel,
    rows: list[LabelledText],
    labels: tuple[str, ...],
    dataset: str,
    source: str,
) -> Figure:
    """The share of texts whose first label is the right one."""
    expected = [labels[row.label] for row in rows]
    answers = answer_all(
        model,
        [ClassificationInput(row.text) for row in rows],
        lambda inputs: ClassificationRequest(inputs, top_k=1),
    )
    predicted = [answer[0].label for answer in answers]
    value = accuracy(predicted, expected)
    return _figure(dataset, "accuracy", value, len(rows), source)


def question_answering_figures(model: LoadedModel, data: Path) -> list[Figure]:
    """Exact match and F1 over held-out articles, and F1 where half has no answer."""
    questions = held_out_questions(data)
    found = _answers(model, questions, no_answer=False)
    exact = [exact_match(text, _texts(one)) for text, one in zip(found, questions, strict=True)]
    overlap = [token_f1(text, _texts(one)) for text, one in zip(found, questions, strict=True)]
    dataset, count = "SQuAD-style questions, held-out articles", len(questions)
    mixed = [*questions, *paired_with_other_paragraphs(questions)]
    told = _answers(model, mixed, no_answer=True)
    mixed_f1 = [token_f1(text, _texts(one)) for text, one in zip(told, mixed, strict=True)]
    with_none = f"{dataset}, and over paragraphs without the answer"
    return [
        _figure(dataset, "exact match", _mean(exact), count, SQUAD_SOURCE),
        _figure(dataset, "F1", _mean(overlap), count, SQUAD_SOURCE),
        _figure(with_none, "F1 with no-answer", _mean(mixed_f1), len(mixed), SQUAD_SOURCE),
    ]


def _answers(model: LoadedModel, questions: list[Question], *, no_answer: bool) -> list[str]:
    answers = answer_all(
        model,
        [QuestionInput(one.question, one.context) for one in questions],
        lambda inputs: QuestionAnsweringRequest(inputs, handle_impossible_answer=no_answer),
    )
    return [answer[0].answer for answer in answers]


def answer_all(
    model: LoadedModel, inputs: Sequence[Any], request: Callable[[Sequence[Any]], Any]
) -> list[Any]:
    """Results of all inputs in order, a few rows of like length in a run."""
    order = sorted(range(len(inputs)), key=lambda place: len(str(inputs[place])))
    results: dict[int, Any] = {}
    for first in range(0, len(order), ROWS_AT_ONCE):
        places = order[first : first + ROWS_AT_ONCE]
        prepared = model.task.prepare(request([inputs[place] for place in places]))
        logits = model.session.run(prepared.sequences)
        results.update(zip(places, model.task.decode(prepared, logits), strict=True))
    return [results[place] for place in range(len(inputs))]


def _texts(question: Question) -> list[str]:
    return [text for _, text in question.answers]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


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
