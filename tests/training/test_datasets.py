import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from training.datasets import (
    TOPIC_LABELS,
    clean_news,
    read_ag_news,
    read_question_sets,
    read_questions,
    read_rows,
    read_wikipedia,
)
from training.splits import is_held_out_article

HELD_OUT = next(f"Article {n}" for n in range(1_000) if is_held_out_article(f"Article {n}"))
TRAINED = next(f"Article {n}" for n in range(1_000) if not is_held_out_article(f"Article {n}"))


def write(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def paragraph(title: str, context: str, answer: str) -> dict[str, Any]:
    answers = [{"text": answer, "start": context.find(answer)}]
    return {
        "title": title,
        "context": context,
        "questions": [{"question": "What?", "answers": answers}],
    }


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.xz"
    with lzma.open(path, "wt") as file:
        file.write('{"text": "a"}\nnot json\n')
    with pytest.raises(ValueError, match="line 2"):
        list(read_rows(path))


def test_wikipedia_without_the_held_out_articles(tmp_path: Path) -> None:
    path = tmp_path / "shard.txt.xz"
    with lzma.open(path, "wt") as file:
        file.write(f"= {HELD_OUT} =\nHidden.\n= {TRAINED} =\nOne.\nTwo.\n= {HELD_OUT} =\nHidden.\n")
    documents = list(read_wikipedia(path))
    assert [(one.title, one.paragraphs) for one in documents] == [(TRAINED, ("One.", "Two."))]


def test_an_answer_that_is_not_where_it_should_be_is_refused(tmp_path: Path) -> None:
    row = paragraph("A", "The sky is blue.", "blue")
    row["questions"][0]["answers"][0]["start"] = 3
    with pytest.raises(ValueError, match="line 1: 'blue' is not at 3"):
        list(read_questions(write(tmp_path / "a.jsonl.xz", [row])))


def test_training_questions_keep_clear_of_held_out_articles(tmp_path: Path) -> None:
    rows = [
        paragraph(HELD_OUT, "The sky is blue.", "blue"),
        paragraph("mixed", f"{HELD_OUT} is blue.", "blue"),
        paragraph(TRAINED, "Grass is green.", "green"),
    ]
    write(tmp_path / "qa" / "a.jsonl.xz", rows)
    questions = read_question_sets(tmp_path, ("a",), (HELD_OUT,))
    assert [one.context for one in questions] == ["Grass is green."]


def test_ag_news_is_split_without_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.datasets.TOPIC_HELD_OUT", 3)
    rows = [{"text": f"news {n}", "label": TOPIC_LABELS[n % 4]} for n in range(20)]
    write(tmp_path / "topics" / "ag-news-train.jsonl.xz", rows)
    train, held_out = read_ag_news(tmp_path)
    assert len(held_out) == 3
    assert {one.text for one in train}.isdisjoint(one.text for one in held_out)
    assert {one.label for one in [*train, *held_out]} == {0, 1, 2, 3}


def test_remains_of_html_in_news_are_resolved() -> None:
    assert clean_news("It #39;s &quot;over&quot;") == 'It\'s "over"'
