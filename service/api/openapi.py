"""What the OpenAPI description says of routes that read their own bodies."""

import json
from typing import Any

from model_directory.manifest import Task
from service.api.headers import SECONDS
from service.api.problem_examples import (
    DESCRIPTIONS,
    EXAMPLES,
    REFERENCE,
    REQUEST_ID,
    problems_of,
)
from service.api.problems import content_of
from service.api.schemas import WindowedLabels
from service.api.translation import BODY_MODELS, RESULT_TYPES
from service.scheduling.priority import Priority

HEADERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Request-Timeout",
            "in": "header",
            "description": "Seconds, decimal, at most 3600, in which the answer must be there; 504 "
            "otherwise.",
            "schema": {"type": "string", "pattern": f"^{SECONDS}$"},
            "example": "2.5",
        },
        {
            "name": "X-Priority",
            "in": "header",
            "description": "bulk lets interactive requests go first.",
            "example": Priority.INTERACTIVE,
            "schema": {
                "type": "string",
                "enum": list(Priority),
                "default": Priority.INTERACTIVE,
            },
        },
        {
            "name": "X-Request-Id",
            "in": "header",
            "description": "1 to 128 printable ASCII characters, which come back with the answer; "
            "for anything else an id is made.",
            "schema": {"type": "string"},
            "example": "review-7",
        },
    ]
}
"""Request headers of every inference route."""

TIMING_HEADERS: dict[str, Any] = {
    "parameters": [each for each in HEADERS["parameters"] if each["name"] != "X-Priority"]
}
"""Those of routes that do not queue."""

_ANSWER_HEADERS: dict[str, dict[str, Any]] = {
    "X-Model": {"description": "Who answered.", "schema": {"type": "string"}},
    "X-Model-Version": {"description": "Its version.", "schema": {"type": "integer"}},
    "X-Tokens": {
        "description": "Tokens that were run, special ones included.",
        "schema": {"type": "integer"},
    },
    "Server-Timing": {
        "description": "Milliseconds that each stage took, and `total`, to which they add up.",
        "schema": {"type": "string"},
    },
}

_LABELS = [[{"label": "positive", "score": 0.98}, {"label": "negative", "score": 0.02}]]
_SPAN = {"answer": "Lisbon", "score": 0.97, "start": 25, "end": 31}


def answer_headers(*names: str) -> dict[str, Any]:
    """The headers of these ``names`` that a 200 has."""
    return {name: {"required": True, **_ANSWER_HEADERS[name]} for name in names}


_REFUSED_LINE = {**content_of(EXAMPLES["line_too_large"], REQUEST_ID), "line": 2}

BULK_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Line n is the answer to line n, or an error of the schema Problem with the "
        "member `line`.",
        "headers": answer_headers("X-Model", "X-Model-Version"),
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": f"{json.dumps(_LABELS)}\n{json.dumps(_REFUSED_LINE)}\n",
            }
        },
    }
}
"""The 200 of a bulk route."""


def responses_of(*tasks: Task) -> dict[int | str, dict[str, Any]]:
    """The 200 of ``tasks``, and every error that an inference route answers."""
    result = RESULT_TYPES[tasks[0]]
    for task in tasks[1:]:
        result = result | RESULT_TYPES[task]
    examples = {name: each for task in tasks for name, each in _answers_of(task).items()}
    responses = problems_of(*DESCRIPTIONS)
    responses[200] = {
        "model": result,
        "description": "The answer.",
        "headers": answer_headers(*_ANSWER_HEADERS),
        "content": {"application/json": {"examples": examples}},
    }
    return responses


def body_of(*tasks: Task) -> dict[str, Any]:
    """The request body of ``tasks``."""
    models = list(dict.fromkeys(BODY_MODELS[task] for task in tasks))
    references: list[dict[str, Any]] = [
        {"$ref": REFERENCE.format(model=model.__name__)} for model in models
    ]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    bodies = [
        example
        for task in {BODY_MODELS[task]: task for task in tasks}.values()
        for example in _examples_of(task)
    ]
    examples = {str(number): {"value": body} for number, body in enumerate(bodies, 1)}
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def bulk_body_of(*tasks: Task) -> dict[str, Any]:
    """The request body of a bulk route: lines, each the body of a request for one of ``tasks``; an
    empty file is one, too.
    """
    examples: dict[str, Any] = {
        task.value: {"value": "".join(f"{json.dumps(body)}\n" for body in _examples_of(task))}
        for task in tasks
    }
    # No schema: a line that is no valid request has an error as its answer; the file has none.
    content = {"application/x-ndjson": {"schema": {}, "examples": examples}}
    return {"requestBody": {"required": False, "content": content}}


def _examples_of(task: Task) -> list[Any]:
    extra = BODY_MODELS[task].model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    examples = extra["examples"]
    assert isinstance(examples, list)
    return examples


def _answers_of(task: Task) -> dict[str, Any]:
    """Answers to requests for ``task``, as examples of the description."""
    if task is Task.QUESTION_ANSWERING:
        several = [_SPAN, {"answer": "in Lisbon", "score": 0.01, "start": 22, "end": 31}]
        return {
            "best answer": {"value": _SPAN},
            "several answers": {"value": several},
            "several contexts": {"value": [{**span, "context_index": 1} for span in several]},
        }
    extra = WindowedLabels.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    return {"labels": {"value": _LABELS}, "labels and windows": {"value": extra["examples"]}}
