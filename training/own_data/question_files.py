"""Reads questions over contexts: SQuAD's JSON (v1.1 and v2.0), and two forms of JSON Lines.

The forms: https://rajpurkar.github.io/SQuAD-explorer/ (``data[].paragraphs[].qas[]``); a context
with its questions a line, as ``training/README.md`` describes; and a question a line as the Hub's
data sets have it (``question``, ``context``, ``answers{text[], answer_start[]}``).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.datasets import Question
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.json_places import lines_of_objects
from training.own_data.labelled_files import json_objects
from training.own_data.source_files import flaw_of, kind_of, read_text

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class PlacedQuestion:
    """A question and where it stands, ``file:line``."""

    place: str
    question: Question


class _Flaw(Exception):  # noqa: N818
    """Why an element cannot be used: the reason, and what was found."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def read_questions(paths: Sequence[Path], bad: BadRows) -> list[PlacedQuestion]:
    """The questions of all files in their order; those that cannot be used are noted in ``bad``."""
    questions: list[PlacedQuestion] = []
    for path in paths:
        match kind_of(path):
            case ".json":
                questions += _squad(path, bad)
            case ".jsonl" | ".ndjson":
                for place, found in json_objects(path, bad):
                    questions += _row(place, found, bad)
            case kind:
                raise DataError(
                    f"{path}: questions are read from SQuAD's .json and from .jsonl files, also "
                    f"with .gz or .xz behind, not from {kind or 'a file without an ending'}"
                )
    return questions


def _squad(path: Path, bad: BadRows) -> Iterator[PlacedQuestion]:
    content = read_text(path)
    try:
        articles = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    articles = articles.get("data") if isinstance(articles, dict) else articles
    if not isinstance(articles, list):
        raise DataError(f"{path} is not in SQuAD's form: it has no list 'data'")
    lines: dict[str, int] = {}

    def place_of(where: str) -> str:
        if not lines:
            lines.update(lines_of_objects(content))
        return f"{path}:{lines.get(where, 1)}: {where}"

    prefix = "data" if content.lstrip().startswith("{") else ""
    for number, article in enumerate(articles):
        for where, question in _article(f"{prefix}[{number}]", article, place_of, bad):
            yield PlacedQuestion(f"{path}: {where}", question)


def _article(
    where: str, article: Any, place_of: Callable[[str], str], bad: BadRows
) -> Iterator[tuple[str, Question]]:
    """Each question with its path."""
    paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
    if not isinstance(paragraphs, list):
        bad.add(place_of(where), "the article has no list 'paragraphs'")
        return
    for number, paragraph in enumerate(paragraphs):
        at = f"{where}.paragraphs[{number}]"
        asked = paragraph.get("qas") if isinstance(paragraph, dict) else None
        if not isinstance(asked, list):
            bad.add(place_of(at), "the paragraph has no list 'qas'")
            continue
        for place, one in enumerate(asked):
            here = f"{at}.qas[{place}]"
            try:
                question = _question(
                    article.get("title"), paragraph.get("context"), one, "answer_start"
                )
            except _Flaw as flaw:
                bad.add(place_of(here), flaw.reason, flaw.detail)
            else:
                yield here, question


def _row(place: str, row: dict[str, Any], bad: BadRows) -> Iterator[PlacedQuestion]:
    """The questions of one line: ``questions`` over its context, or the one ``question``."""
    grouped = "questions" in row
    asked = row["questions"] if grouped else [row]
    if not isinstance(asked, list):
        bad.add(place, "'questions' is not a list")
        return
    for number, one in enumerate(asked):
        here = f"{place}: questions[{number}]" if grouped else place
        try:
            start = "start" if grouped else "answer_start"
            question = _question(row.get("title"), row.get("context"), one, start)
        except _Flaw as flaw:
            bad.add(here, flaw.reason, flaw.detail)
        else:
            yield PlacedQuestion(here, question)


def _question(title: object, context: object, asked: Any, start_name: str) -> Question:
    if not isinstance(asked, dict):
        raise _Flaw("the question is not a JSON object")
    for what, value in (("context", context), ("question", asked.get("question"))):
        if not isinstance(value, str):
            raise _Flaw(f"the {what} is {'missing' if value is None else 'not a string'}")
        if not value.strip():
            raise _Flaw(f"the {what} is empty")
        if flaw := flaw_of(value):
            raise _Flaw(*flaw)
    text = str(context)
    answers = tuple(_answers(asked, text, start_name))
    if asked.get("is_impossible"):
        if answers:
            raise _Flaw("it is marked as impossible and has answers")
    elif "answers" not in asked:
        raise _Flaw("it has no 'answers'", "an empty list says that there is none")
    return Question(
        title if isinstance(title, str) else "", text, asked["question"].strip(), answers
    )


def _answers(asked: dict[str, Any], context: str, start_name: str) -> Iterator[tuple[int, str]]:
    answers = asked.get("answers", [])
    if isinstance(answers, dict):
        answers = _rows_of_columns(answers, start_name)
    if not isinstance(answers, list):
        raise _Flaw("'answers' is not a list")
    for answer in answers:
        if not isinstance(answer, dict):
            raise _Flaw("an answer is not a JSON object")
        text, start = answer.get("text"), answer.get(start_name)
        if not isinstance(text, str) or not text.strip():
            raise _Flaw("an answer has no text")
        if isinstance(start, bool) or not isinstance(start, int):
            raise _Flaw(f"an answer's {start_name!r} is not a whole number", repr(start)[:_SHOWN])
        if start < 0 or context[start : start + len(text)] != text:
            raise _Flaw("the answer is not at its place", _misplaced(context, text, start))
        yield start, text


def _rows_of_columns(answers: dict[str, Any], start_name: str) -> list[dict[str, Any]]:
    texts, starts = answers.get("text"), answers.get(start_name)
    if not (isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts)):
        raise _Flaw(f"'answers' has not a 'text' for each {start_name!r}")
    return [{"text": text, start_name: at} for text, at in zip(texts, starts, strict=True)]


def _misplaced(context: str, text: str, start: int) -> str:
    if start < 0:
        there = "which is before the context"
    else:
        there = f"where {context[start : start + len(text)][:_SHOWN]!r} is"
    nearest = min(_places_of(text, context), key=lambda at: abs(at - start), default=None)
    hint = "the context does not hold it" if nearest is None else f"it is at {nearest}"
    return f"{text[:_SHOWN]!r} is said to begin at {start}, {there}; {hint}"


def _places_of(text: str, context: str) -> Iterator[int]:
    at = context.find(text)
    while at >= 0:
        yield at
        at = context.find(text, at + 1)
