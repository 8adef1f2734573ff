import json
from pathlib import Path
from random import Random

import pytest

from bench.checkpoints import SENTENCES, write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.manifest import Task
from service.tasks.classification import ClassificationInput, ClassificationRequest
from training.datasets import Question
from training.in_process import answer_all, open_model
from training.own_data.measure import measure_questions, measure_texts
from training.own_data.question_data import QuestionData
from training.own_data.text_data import TextData, TextExample

LABELS = ("a", "b", "c")


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


def texts(labels: list[tuple[int, ...]], *, multi_label: bool = False) -> TextData:
    draw = Random(0)
    words = " ".join(SENTENCES).split()
    rows = tuple(TextExample(" ".join(draw.sample(words, 6)), one, ()) for one in labels)
    return TextData(LABELS, multi_label, (), rows, ())


def answers(checkpoint: Path, data: TextData, models: Path) -> list[dict[str, float]]:
    """The scores that the exported model gives."""
    model = open_model(export_checkpoint(ExportRequest(checkpoint, "m", models), silent).directory)
    inputs = [ClassificationInput(one.text) for one in data.validation]
    found = answer_all(model, inputs, ClassificationRequest)
    return [{one.label: one.score for one in answer} for answer in found]


def test_figures_are_those_of_the_exported_model(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=LABELS, seed=3)
    data = texts([(number % 3,) for number in range(120)])
    measured = measure_texts(checkpoint, Task.CLASSIFICATION, data)
    scores = answers(checkpoint, data, tmp_path / "models")
    told = [max(one, key=lambda label: one[label]) for one in scores]
    right = sum(label == LABELS[number % 3] for number, label in enumerate(told))
    assert len(set(told)) > 1
    assert measured.figures["accuracy"] == pytest.approx(right / 120)
    assert measured.figures.keys() == {"accuracy", "macro F1", "expected calibration error"}
    assert [label.support for label in measured.labels] == [40, 40, 40]


def test_several_labels_are_told_from_a_score_of_a_half(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(
        tmp_path / "checkpoint", labels=LABELS, problem_type="multi_label_classification"
    )
    data = texts([(0, 2), (), (1,)] * 8, multi_label=True)
    measured = measure_texts(checkpoint, Task.CLASSIFICATION, data)
    scores = answers(checkpoint, data, tmp_path / "models")
    told = [{LABELS.index(label) for label, score in one.items() if score >= 0.5} for one in scores]
    right = sum(set(row.labels) == one for row, one in zip(data.validation, told, strict=True))
    assert len([one for one in told if one]) > 0
    assert measured.figures["all labels right"] == pytest.approx(right / 24)


def test_the_exporter_takes_the_figures_for_the_model_that_it_writes(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=LABELS)
    measured = measure_texts(checkpoint, Task.CLASSIFICATION, texts([(0,), (1,)] * 10))
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(measured.evaluation("a.csv, held-out", "mine")))
    request = ExportRequest(checkpoint, "mine", tmp_path / "models", evaluation=path)
    figures = export_checkpoint(request, silent).manifest.evaluation
    assert [(one.dataset, one.metric, one.examples) for one in figures] == [
        ("a.csv, held-out", "accuracy", 20),
        ("a.csv, held-out", "macro F1", 20),
    ]


def test_questions_without_an_answer_are_right_when_none_is_given(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", labels=None)
    context = "the river runs to the sea in the north of the country"
    whole = Question("", context, "where is the sea", ((0, context),))
    none = Question("", context, "who lives there", ())
    found = measure_questions(checkpoint, QuestionData((whole,), (whole,), {}, (2, 3), ()))
    assert 0 < found.figures["F1"] <= 1
    assert found.examples == 1
    told = measure_questions(checkpoint, QuestionData((none,), (none,), {}, (2, 3), ()))
    assert told.figures["F1"] == told.figures["exact match"]
