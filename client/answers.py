"""What an answer says, as columns of text."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Task(StrEnum):
    """What a service does; the names of its routes."""

    SENTIMENT = "sentiment"
    CLASSIFICATION = "classification"
    QUESTION_ANSWERING = "question-answering"


ERROR = "error"
_LABEL_COLUMNS = ("label", "score")
_SPAN_COLUMNS = ("answer", "score", "start", "end")


def columns_of(task: Task) -> tuple[str, ...]:
    """The columns of an answer, without that of errors."""
    return _SPAN_COLUMNS if task is Task.QUESTION_ANSWERING else _LABEL_COLUMNS


def error_of(answer: Any) -> str | None:
    """The service's sentence, if it refused the record."""
    if isinstance(answer, dict) and "error_type" in answer:
        return str(answer.get("error"))
    return None


def rows_of(task: Task, answer: Any) -> list[Mapping[str, str]]:
    """The labels or the spans of the answer to one input, best first, by column; one row with an
    error where there is one.
    """
    if (error := error_of(answer)) is not None:
        return [{ERROR: error}]
    found: Any
    if task is Task.QUESTION_ANSWERING:
        found = answer if isinstance(answer, list) else [answer]
    else:
        found = answer[0] if isinstance(answer, list) and len(answer) == 1 else [None]
        if isinstance(found, dict):  # with windows beside the labels
            found = found.get("labels")
    columns = columns_of(task)
    try:
        return [{column: _written(each[column]) for column in columns} for each in found]
    except (KeyError, TypeError):
        return [{ERROR: "The answer to several inputs in one record has no row: use NDJSON."}]


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return value if isinstance(value, str) else json.dumps(value)
