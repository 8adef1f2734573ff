import json
import lzma
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.checkpoints import write_checkpoint
from export.evaluation import read_evaluation
from export.exporter import ExportRequest, export_checkpoint
from service.registry import LoadedModel
from service.runtime.sequence import Sequence
from service.tasks.classification import (
    ClassificationInput,
    ClassificationRequest,
    Prediction,
)
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from service.tasks.task import Prepared
from training.answer_kinds import AnswerKind, kind_of
from training.calibration import log_loss, scale_head
from training.datasets import OUT_OF_SCOPE, Question
from training.evaluate import label_figures, question_answering_figures, write_figures
from training.held_out import paired_with_other_paragraphs
from training.in_process import ROWS_AT_ONCE, answer_all, open_model
from training.metrics import exact_match
from training.question_runs import QuestionRuns
from training.temperature import fit_labels, fit_questions
from training.validation import Example, LabelledSet, QuestionSets, labelled_sets, serves_to_fit


class Upper:
    """Stands for a model whose answer to a text is the text in capitals."""

    def __init__(self) -> None:
        self.task = self
        self.session = SimpleNamespace(run=lambda rows: [])

    def prepare(self, request: Any) -> Prepared[list[str]]:
        assert len(request) <= ROWS_AT_ONCE
        return Prepared(list[Sequence](), list(request))

    def decode(self, prepared: Prepared[list[str]], logits: list[Any]) -> list[str]:
        return [text.upper() for text in prepared.plan]


class Told:
    """Stands for a classifier that gives each text the label and score that it was told."""

    def __init__(self, told: dict[str, tuple[str, float]]) -> None:
        self.task, self._told = self, told
        self.session = SimpleNamespace(run=lambda rows: [])

    def prepare(self, request: Any) -> Prepared[Any]:
        return Prepared(list[Sequence](), request)

    def decode(self, prepared: Prepared[Any], logits: list[Any]) -> list[list[Prediction]]:
        return [[Prediction(*self._told[one.text])] for one in prepared.plan.inputs]


def exported(directory: Path, labels: tuple[str, ...] | None, temperature: float = 1.0) -> Path:
    checkpoint = write_checkpoint(directory / "checkpoint", labels=labels)
    scale_head(checkpoint, temperature)
    request = ExportRequest(checkpoint, "tiny", directory / "models")
    return export_checkpoint(request, lambda stage, done=0, of=0: None).directory


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return open_model(exported(tmp_path_factory.mktemp("reader"), None))


def questions(count: int) -> list[Question]:
    """Questions over two sentences, some longer than the tiny model's 64 tokens."""
    return [
        Question(
            f"article {number % 3}",
            context := f"the river {number} runs to the sea. " * (1 + number % 7),
            "where does the river run",
            ((context.index("the sea"), "the sea"),),
        )
        for number in range(count)
    ]


def test_answers_come_back_in_the_order_of_the_inputs() -> None:
    texts = ["word " * (number * 7 % 20) + str(number) for number in range(30)]
    model: Any = Upper()
    assert answer_all(model, texts, list) == [text.upper() for text in texts]


def test_no_answer_questions_are_put_to_paragraphs_without_the_answer() -> None:
    asked = [
        Question(
            "A", f"Paragraph {number} names river{number}.", "Which?", ((0, f"river{number}"),)
        )
        for number in range(20)
    ]
    unanswerable = paired_with_other_paragraphs(asked)
    assert unanswerable
    for one, original in zip(unanswerable, asked, strict=False):
        assert one.answers == ()
        assert one.article == original.article
    assert not {(one.context, "Which?") for one in unanswerable} - {
        (one.context, one.question) for one in asked
    }


def test_figures_are_what_the_exporter_reads(tmp_path: Path) -> None:
    digest = "0" * 64
    figure = {"dataset": "d", "metric": "accuracy", "value": 0.5, "examples": 2, "source": "s"}
    write_figures({"model_sha256": digest, "figures": [figure]}, tmp_path / "figures.json")
    figures = read_evaluation(tmp_path / "figures.json", digest)
    assert [one.value for one in figures] == [0.5]


def told_figures(rows: list[tuple[str, str, str, float]]) -> dict[tuple[str, str], tuple]:
    """Figures of texts with (text, right label, label given, score)."""
    examples = tuple(Example(text, right) for text, right, _, _ in rows)
    model: Any = Told({text: (given, score) for text, _, given, score in rows})
    figures = label_figures(model, LabelledSet("set", "source", examples))
    assert all(figure["source"] == "source" for figure in figures)
    return {
        (figure["dataset"], figure["metric"]): (figure["value"], figure["examples"])
        for figure in figures
    }


def test_accuracy_is_of_all_texts_and_the_calibration_error_of_the_half_not_fitted_on() -> None:
    rows = [(f"text {number}", "a", "a" if number % 4 else "b", 0.9) for number in range(40)]
    measured = [row for row in rows if not serves_to_fit(Example(row[0], row[1]))]
    assert 5 < len(measured) < 35
    right = sum(row[1] == row[2] for row in measured) / len(measured)
    assert told_figures(rows) == {
        ("set", "accuracy"): (0.75, 40),
        ("set", "expected calibration error"): (round(abs(0.9 - right), 4), len(measured)),
    }


def test_those_out_of_scope_are_counted_apart() -> None:
    none = OUT_OF_SCOPE
    rows = [("1", "a", "a", 0.9), ("2", "a", none, 0.9), ("3", "b", "a", 0.9), ("4", "b", "b", 0.9)]
    rows += [("5", none, none, 0.9), ("6", none, none, 0.9), ("7", none, "b", 0.9)]
    figures = told_figures(rows)
    assert figures["set, in scope", "accuracy"] == (0.5, 4)
    assert figures["set, out of scope", "recall"] == (0.6667, 3)
    assert figures["set, out of scope", "precision"] == (0.6667, 3)
    never = told_figures([(text, right, "a", 0.9) for text, right, _, _ in rows])
    assert never["set, out of scope", "precision"] == (0.0, 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("1066", AnswerKind.DATE),
        ("the 1980s", AnswerKind.DATE),
        ("3 March", AnswerKind.DATE),
        ("at 17:30", AnswerKind.DATE),
        ("12,500 people", AnswerKind.NUMBER),
        ("about three", AnswerKind.NUMBER),
        ("Half of them", AnswerKind.NUMBER),
        ("the University of Oslo", AnswerKind.NAME),
        ("Frédéric Chopin", AnswerKind.NAME),
        ("someone", AnswerKind.OTHER),
        ("because it rained in May", AnswerKind.OTHER),
        ("the", AnswerKind.OTHER),
    ],
)
def test_kinds_of_answers(answer: str, kind: AnswerKind) -> None:
    assert kind_of(answer) is kind


def test_one_run_gives_the_answers_of_both_ways(reader: LoadedModel) -> None:
    asked = questions(12)
    inputs = [QuestionInput(one.question, (one.context,)) for one in asked]
    kept = QuestionRuns(reader, asked)
    for may_be_none in (False, True):
        served = answer_all(
            reader,
            inputs,
            lambda some, none=may_be_none: QuestionAnsweringRequest(
                some, handle_impossible_answer=none
            ),
        )
        assert kept.answers(may_be_none=may_be_none) == [answer[0] for answer in served]


def test_a_temperature_decodes_as_a_head_divided_by_it(reader: LoadedModel, tmp_path: Path) -> None:
    asked = questions(6)
    sharp = QuestionRuns(open_model(exported(tmp_path, None, 0.25)), asked)
    expected = QuestionRuns(reader, asked).answers(may_be_none=False, temperature=0.25)
    found = sharp.answers(may_be_none=False)
    assert [one.answer for one in found] == [one.answer for one in expected]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], rel=1e-3)


def test_question_figures(reader: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(30)
    unanswerable = [Question(one.article, one.context, "who wrote it", ()) for one in asked]
    sets = QuestionSets(tuple(asked), tuple(unanswerable))
    monkeypatch.setattr("training.evaluate.question_sets", lambda data: sets)
    figures = {
        (one["dataset"].partition(", and")[1] != "", one["metric"]): one
        for one in question_answering_figures(reader, Path())
    }
    assert figures[False, "F1"]["examples"] == 30
    every_answer_is_one = figures[False, "F1 of other phrases"]
    assert every_answer_is_one["value"] == figures[False, "F1"]["value"]
    assert every_answer_is_one["examples"] == 30
    assert figures[True, "F1 with no-answer"]["examples"] == 60
    held = [one for one in asked if not serves_to_fit(one)]
    assert figures[False, "expected calibration error"]["examples"] == len(held)
    assert 0 <= figures[True, "expected calibration error"]["value"] <= 1


def test_labels_are_fitted_to_the_head_that_was_exported(tmp_path: Path) -> None:
    labels = ("bad", "good", "mixed")
    plain = open_model(exported(tmp_path / "plain", labels))
    draw = np.random.default_rng(0)
    words = [
        "the",
        "film",
        "was",
        "good",
        "bad",
        "book",
        "city",
        "river",
        "markets",
        "fell",
        "bank",
        "wrote",
        "program",
    ]
    texts = [" ".join(draw.choice(words, draw.integers(3, 90))) for _ in range(150)]
    answers = answer_all(
        plain, [ClassificationInput(text) for text in texts], ClassificationRequest
    )
    # two in three texts have the label that the model gives, the others any
    given = [
        answer[0].label if number % 3 else labels[draw.integers(3)]
        for number, answer in enumerate(answers)
    ]
    examples = [Example(text, label) for text, label in zip(texts, given, strict=True)]
    fitted = fit_labels(plain, examples)
    for temperature in (0.5, 4.0):
        scaled = open_model(exported(tmp_path / f"by {temperature}", labels, temperature))
        assert fit_labels(scaled, examples) == pytest.approx(fitted / temperature, rel=1e-3)


def test_questions_are_fitted_to_the_lowest_log_loss(reader: LoadedModel) -> None:
    asked = questions(20)
    unanswerable = [Question(one.article, one.context, "who wrote it", ()) for one in asked]
    fitted = fit_questions(reader, asked, unanswerable)
    mixed, kept = [*asked, *unanswerable], QuestionRuns(reader, [*asked, *unanswerable])

    def loss(temperature: float) -> float:
        must = kept.answers(may_be_none=False, temperature=temperature)[: len(asked)]
        may = kept.answers(may_be_none=True, temperature=temperature)
        right = [
            exact_match(answer.answer, [text for _, text in one.answers] or [""]) == 1
            for answer, one in zip([*must, *may], [*asked, *mixed], strict=True)
        ]
        return log_loss([min(1.0, one.score) for one in [*must, *may]], right)

    assert all(loss(fitted) <= loss(other) + 1e-9 for other in (0.2, 0.5, 1.0, 2.0, 5.0))


def test_default_models_are_known_by_their_labels(tmp_path: Path) -> None:
    write_data(tmp_path)
    sst2, reviews = labelled_sets(("positive", "negative"), tmp_path)
    assert sst2.name == "SST-2 dev"
    assert {one.label for one in (*sst2.examples, *reviews.examples)} == {"negative", "positive"}
    (clinc,) = labelled_sets(("time", "weather", OUT_OF_SCOPE), tmp_path)
    assert [one.label for one in clinc.examples] == ["weather", "time", OUT_OF_SCOPE]
    with pytest.raises(ValueError, match="cat, dog"):
        labelled_sets(("cat", "dog"), tmp_path)


def write_data(directory: Path) -> None:
    """A few rows in the place and the form of each data set that classifiers are measured on."""
    polar = [
        {"text": f"the film number {number} was {word}", "label": label}
        for number in range(20)
        for word, label in (("good", "positive"), ("bad", "negative"))
    ]
    intents = [{"text": "will it rain", "label": "weather"}, {"text": "how late", "label": "time"}]
    outside = [{"text": "who are they", "label": "oos"}]
    for name, rows in (
        ("sentiment/sst2-dev", polar),
        ("sentiment/imdb-train", [{**row, "text": row["text"] + ", truly"} for row in polar]),
        ("intents/clinc150-train", intents),
        ("intents/clinc150-val", intents),
        ("intents/clinc150-oos-val", outside),
    ):
        write_rows(directory / f"{name}.jsonl.xz", rows)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
