"""The OpenAPI description of routes that read their own bodies."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from model_directory.manifest import Task
from service.api.problem_examples import DESCRIPTIONS, problems_of
from service.api.schemas import Problem
from service.api.schemas.open_inference import InferenceRequest
from service.api.translation import BODY_MODELS, RESULT_TYPES
from service.scheduling.priority import Priority

REFERENCE = "#/components/schemas/{model}"

HEADERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Request-Timeout",
            "in": "header",
            "description": "Seconds, decimal, in which the answer must be there; 504 otherwise.",
            "schema": {"type": "number", "exclusiveMinimum": 0},
            "example": 2.5,
        },
        {
            "name": "X-Priority",
            "in": "header",
            "description": "bulk lets interactive requests go first.",
            "schema": {
                "type": "string",
                "enum": list(Priority),
                "default": Priority.INTERACTIVE,
            },
        },
        {
            "name": "X-Request-Id",
            "in": "header",
            "description": "1 to 128 printable ASCII characters, which come back with the answer.",
            "schema": {"type": "string", "maxLength": 128},
        },
    ]
}
"""Request headers of every inference route."""

TIMING_HEADERS: dict[str, Any] = {
    "parameters": [each for each in HEADERS["parameters"] if each["name"] != "X-Priority"]
}
"""Those of routes that do not queue."""

BULK_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Line n is the answer to line n, or an error of the schema Problem with the "
        "member `line`.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '[[{"label":"POSITIVE","score":0.98},{"label":"NEGATIVE","score":0.02}]]'
                "\n",
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
    responses = problems_of(*DESCRIPTIONS)
    responses[200] = {"model": result, "description": "The answer."}
    return responses


def body_of(*tasks: Task) -> dict[str, Any]:
    """The request body of ``tasks``."""
    names = list(dict.fromkeys(BODY_MODELS[task].__name__ for task in tasks))
    references: list[dict[str, Any]] = [{"$ref": REFERENCE.format(model=name)} for name in names]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def bulk_body_of(*tasks: Task) -> dict[str, Any]:
    """The request body of a bulk route: lines, each the body of a request for one of ``tasks``."""
    examples: dict[str, Any] = {
        task.value: {"value": "".join(f"{json.dumps(body)}\n" for body in _examples_of(task))}
        for task in tasks
    }
    content = {"application/x-ndjson": {"schema": {"type": "string"}, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def _examples_of(task: Task) -> list[Any]:
    extra = BODY_MODELS[task].model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    examples = extra["examples"]
    assert isinstance(examples, list)
    return examples


def describe(app: FastAPI, *unmounted: APIRouter) -> Callable[[], dict[str, Any]]:
    """A replacement for ``app.openapi`` that adds the routes of ``unmounted`` and their bodies."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=[route for router in [*unmounted, app.router] for route in router.routes],
            )
            models: list[type[BaseModel]] = [*dict.fromkeys(BODY_MODELS.values())]
            models += [InferenceRequest, Problem]
            _, definitions = models_json_schema(
                [(model, "validation") for model in models],
                ref_template=REFERENCE,
            )
            document.setdefault("components", {}).setdefault("schemas", {}).update(
                definitions["$defs"]
            )
            _without_frameworks_errors(document)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _without_frameworks_errors(document: dict[str, Any]) -> None:
    """Take out the 422 that FastAPI adds wherever a path has a parameter: ours are any text."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    reference = {"$ref": REFERENCE.format(model="HTTPValidationError")}
    for path in document["paths"].values():
        for operation in path.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if content.get("application/json", {}).get("schema") == reference:
                del operation["responses"]["422"]
