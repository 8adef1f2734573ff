import shlex
from pathlib import Path

import pytest

from model_directory.manifest import Task
from training.datasets import Question
from training.own_data.measure import Measured
from training.own_data.question_data import QuestionData
from training.own_data.scores import LabelScore
from training.own_data.summary import MOST_LABELS, label_table, model_name, next_commands, summary
from training.own_data.text_data import TextData, TextExample


def texts(*labels: str, multi_label: bool = False) -> TextData:
    rows = (TextExample("It's broken", (0,), ()), TextExample("Where is my parcel?", (1,), ()))
    return TextData(labels, multi_label, (), rows, ())


def test_the_commands_are_what_a_shell_takes() -> None:
    data = texts("refund", "delivery")
    export, serve, curl = next_commands(Task.CLASSIFICATION, Path("out/My Tickets"), data)
    assert shlex.split(export)[1:] == [
        "out/My Tickets",
        *("--name", "my-tickets", "--output", "models"),
        *("--evaluation", "out/My Tickets/evaluation.json"),
    ]
    assert shlex.split(serve)[0].endswith("albert-serve")
    assert shlex.split(curl)[:3] == ["curl", "-w", "\\n"]
    assert shlex.split(curl)[-1] == '{"inputs": "It\'s broken"}'
    assert "/v1/models/my-tickets" in curl


def test_stars_are_exported_as_sentiment_because_their_names_do_not_say_it() -> None:
    stars = next_commands(Task.SENTIMENT, Path("out"), texts("1", "2"))
    polarities = next_commands(Task.SENTIMENT, Path("out"), texts("negative", "positive"))
    assert stars[0].endswith("--task sentiment")
    assert "--task" not in polarities[0]


def test_a_question_is_asked_of_its_context() -> None:
    questions = (Question("", "B.", "Why?", ()), Question("", "A.", "What?", ((0, "A"),)))
    data = QuestionData(questions, questions, {}, (2, 3), ())
    curl = next_commands(Task.QUESTION_ANSWERING, Path("out"), data)[2]
    assert shlex.split(curl)[-1] == '{"inputs": {"question": "What?", "context": "A."}}'


@pytest.mark.parametrize(
    ("directory", "name"),
    [("tickets", "tickets"), ("My Tickets (new)", "my-tickets-new"), ("票", "my-model")],
)
def test_a_model_is_named_after_its_directory(directory: str, name: str) -> None:
    assert model_name(Path(directory)) == name


def test_of_many_labels_the_worst_are_shown() -> None:
    labels = [LabelScore(f"label {n}", 0.5, 0.5, n / 100, 3) for n in range(MOST_LABELS + 10)]
    labels.append(LabelScore("absent", 0, 0, 0, 0))
    lines = label_table(labels)
    assert len(lines) == 1 + MOST_LABELS
    assert lines[0].startswith(f"the {MOST_LABELS} worst of {len(labels)} labels")
    assert lines[1].startswith("label 0 ")
    assert not any("absent" in line for line in lines)


def test_figures_are_beside_what_the_most_frequent_label_reaches() -> None:
    labels = (LabelScore("refund", 1, 0.9, 0.947, 30), LabelScore("delivery", 0.8, 1, 0.889, 10))
    measured = Measured({"accuracy": 0.925}, 40, labels, "0" * 64)
    text = summary(Task.CLASSIFICATION, Path("out"), "a.csv", texts("refund", "delivery"), measured)
    assert "a.csv, 40 texts, as served: accuracy 0.925" in text
    assert "(always to say 'refund' has an accuracy of 0.750)" in text
    assert "refund        1.000   0.900  0.947     30" in text
