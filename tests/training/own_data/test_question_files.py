import json
import re
from pathlib import Path
from typing import Any

import pytest

from training.datasets import Question
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.question_files import PlacedQuestion, read_questions

CONTEXT = "The treaty was signed in Lisbon on 13 December 2007."
WHERE = {"question": "Where was it signed?", "answers": [{"text": "Lisbon", "answer_start": 25}]}
WHY = {"question": "Why?", "is_impossible": True, "answers": [], "plausible_answers": [{}]}


def squad(*asked: Any, context: Any = CONTEXT) -> dict[str, Any]:
    paragraph = {"context": context, "qas": list(asked)}
    return {"version": "v2.0", "data": [{"title": "Treaties", "paragraphs": [paragraph]}]}


def write(path: Path, *rows: Any, indent: int | None = None) -> Path:
    path.write_text("\n".join(json.dumps(row, indent=indent) for row in rows))
    return path


def read(path: Path) -> tuple[list[PlacedQuestion], list[str]]:
    bad = BadRows()
    questions = read_questions([path], bad)
    return questions, [str(row).replace(f"{path.parent}/", "") for row in bad.rows]


def changed(one: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (one | changes).items() if value is not ...}


def test_squad_with_and_without_answers(tmp_path: Path) -> None:
    path = write(tmp_path / "train.json", squad(WHERE, WHY))
    questions, reports = read(path)
    assert [one.question for one in questions] == [
        Question("Treaties", CONTEXT, "Where was it signed?", ((25, "Lisbon"),)),
        Question("Treaties", CONTEXT, "Why?", ()),
    ]
    assert questions[1].place == f"{path}: data[0].paragraphs[0].qas[1]"
    assert reports == []


def test_a_context_with_its_questions_a_line(tmp_path: Path) -> None:
    asked = {"question": "Where?", "answers": [{"text": "Lisbon", "start": 25}]}
    row = {
        "title": "T",
        "context": CONTEXT,
        "questions": [asked, {"question": "Who?", "answers": []}],
    }
    questions, reports = read(write(tmp_path / "rows.jsonl", row))
    assert [one.question.answers for one in questions] == [((25, "Lisbon"),), ()]
    assert reports == []


def test_a_question_a_line_as_the_hub_has_it(tmp_path: Path) -> None:
    row = {"id": "1", "title": "T", "context": CONTEXT, "question": "Where?"}
    path = write(
        tmp_path / "rows.jsonl",
        row | {"answers": {"text": ["Lisbon", "in Lisbon"], "answer_start": [25, 22]}},
        row | {"answers": {"text": [], "answer_start": []}},
    )
    questions, reports = read(path)
    assert [one.question.answers for one in questions] == [((25, "Lisbon"), (22, "in Lisbon")), ()]
    assert reports == []


@pytest.mark.parametrize(
    ("asked", "report"),
    [
        (
            changed(WHERE, answers=[{"text": "Lisbon", "answer_start": 24}]),
            "the answer is not at its place: 'Lisbon' is said to begin at 24, where ' Lisbo' is; "
            "it is at 25",
        ),
        (
            changed(WHERE, answers=[{"text": "Porto", "answer_start": 25}]),
            "the answer is not at its place: 'Porto' is said to begin at 25, where 'Lisbo' is; "
            "the context does not hold it",
        ),
        (
            changed(WHERE, answers=[{"text": "The", "answer_start": -52}]),
            "the answer is not at its place: 'The' is said to begin at -52, which is before the "
            "context; it is at 0",
        ),
        (changed(WHERE, answers=[{"answer_start": 3}]), "an answer has no text"),
        (
            changed(WHERE, answers=[{"text": "Lisbon", "answer_start": "25"}]),
            "an answer's 'answer_start' is not a whole number: '25'",
        ),
        (changed(WHERE, answers=["Lisbon"]), "an answer is not a JSON object"),
        (changed(WHERE, answers="Lisbon"), "'answers' is not a list"),
        (
            changed(WHERE, answers={"text": ["Lisbon"], "answer_start": []}),
            "'answers' has not a 'text' for each 'answer_start'",
        ),
        (changed(WHERE, answers=...), "it has no 'answers': an empty list says that there is none"),
        (changed(WHERE, question=...), "the question is missing"),
        (changed(WHERE, question="  "), "the question is empty"),
        (changed(WHERE, question=7), "the question is not a string"),
        (changed(WHERE, is_impossible=True), "it is marked as impossible and has answers"),
        ("Where?", "the question is not a JSON object"),
    ],
)
def test_a_bad_question_is_named_by_line_and_path(asked: Any, report: str, tmp_path: Path) -> None:
    content = squad(WHERE, asked)
    path = write(tmp_path / "train.json", content, indent=1)
    questions, reports = read(path)
    assert len(questions) == 1
    where = "data[0].paragraphs[0].qas[1]: "
    line = 1 if isinstance(asked, str) else _line_of_second_question(path)
    assert reports == [f"train.json:{line}: {where}{report}"]


def _line_of_second_question(path: Path) -> int:
    opening = [
        number
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.fullmatch(r" {6}\{", line)
    ]
    return opening[1]


def test_a_bad_context_is_reported_for_each_of_its_questions(tmp_path: Path) -> None:
    _, reports = read(write(tmp_path / "train.json", squad(WHERE, WHY, context="")))
    assert [report.partition("qas")[2] for report in reports] == [
        "[0]: the context is empty",
        "[1]: the context is empty",
    ]


def test_parts_that_are_no_articles_or_paragraphs_are_reported(tmp_path: Path) -> None:
    content = {"data": [{"title": "T"}, "x", {"paragraphs": [{"context": "a"}, 5]}]}
    _, reports = read(write(tmp_path / "train.json", content))
    assert reports == [
        "train.json:1: data[0]: the article has no list 'paragraphs'",
        "train.json:1: data[1]: the article has no list 'paragraphs'",
        "train.json:1: data[2].paragraphs[0]: the paragraph has no list 'qas'",
        "train.json:1: data[2].paragraphs[1]: the paragraph has no list 'qas'",
    ]


def test_a_bad_line_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    good = {"context": CONTEXT, **WHERE}
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{json.dumps(good)}\n{{"context"\n{json.dumps(changed(good, context=3))}\n')
    questions, reports = read(path)
    assert [one.place for one in questions] == [f"{path}:1"]
    assert [report.split(": ")[:2] for report in reports] == [
        ["rows.jsonl:2", "it is not JSON"],
        ["rows.jsonl:3", "the context is not a string"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.json", "{", "is not JSON"),
        ("train.json", '{"articles": []}', "no list 'data'"),
        ("train.csv", "question,context", r"not from \.csv"),
    ],
)
def test_files_that_hold_no_questions_are_refused(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)
