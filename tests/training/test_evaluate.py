from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.runtime.sequence import Sequence
from service.tasks.task import Prepared
from training.datasets import Question
from training.evaluate import ROWS_AT_ONCE, answer_all, write_figures
from training.held_out import paired_with_other_paragraphs


class Upper:
    """Stands for a task whose answer to a text is the text in capitals."""

    def prepare(self, request: Any) -> Prepared[list[str]]:
        assert len(request) <= ROWS_AT_ONCE
        return Prepared([], list(request))

    def decode(self, prepared: Prepared[list[str]], logits: list[Any]) -> list[str]:
        return [text.upper() for text in prepared.plan]


class Idle:
    def run(self, rows: list[Sequence]) -> list[Any]:
        return []


@dataclass
class Model:
    task: Upper
    session: Idle


def test_answers_come_back_in_the_order_of_the_inputs() -> None:
    texts = ["word " * (number * 7 % 20) + str(number) for number in range(30)]
    model: Any = Model(Upper(), Idle())
    assert answer_all(model, texts, list) == [text.upper() for text in texts]


def test_no_answer_questions_are_put_to_paragraphs_without_the_answer() -> None:
    questions = [
        Question(
            "A", f"Paragraph {number} names river{number}.", "Which?", ((0, f"river{number}"),)
        )
        for number in range(20)
    ]
    unanswerable = paired_with_other_paragraphs(questions)
    assert unanswerable
    for one, original in zip(unanswerable, questions, strict=False):
        assert one.answers == ()
        assert one.article == original.article
    assert not {(one.context, "Which?") for one in unanswerable} - {
        (one.context, one.question) for one in questions
    }


def test_figures_are_what_the_exporter_reads(tmp_path: Path) -> None:
    evaluation = pytest.importorskip("export.evaluation")
    digest = "0" * 64
    figure = {"dataset": "d", "metric": "accuracy", "value": 0.5, "examples": 2, "source": "s"}
    write_figures({"model_sha256": digest, "figures": [figure]}, tmp_path / "figures.json")
    figures = evaluation.read_evaluation(tmp_path / "figures.json", digest)
    assert [one.value for one in figures] == [0.5]
