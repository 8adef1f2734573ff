"""The OpenAPI description of the whole service: an example for all that goes in and comes out."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.access_description import AccessDescription
from service.api.problem_examples import (
    REFERENCE,
    REQUEST_ID,
    example_components,
    universal_problems,
)
from service.api.problems import MEDIA_TYPE
from service.api.schemas import Problem
from service.api.schemas.open_inference import InferenceRequest
from service.api.translation import BODY_MODELS

FRAMEWORK_SCHEMAS = ("HTTPValidationError", "ValidationError")
"""Of FastAPI's own 422, which is never answered: a name may be any string."""

PATH_PARAMETERS = {
    "model": ("A name that GET /v1/models lists, such as sentiment.", "sentiment"),
    "version": ("The version of that model.", "1"),
}
REQUEST_ID_REFERENCE = "#/components/headers/X-Request-Id"
REQUEST_ID_HEADER = {
    "description": "The request's id, which the log has too.",
    "required": True,
    "schema": {"type": "string"},
    "example": REQUEST_ID,
}


def describe(
    app: FastAPI, access: AccessDescription, *unmounted: APIRouter
) -> Callable[[], dict[str, Any]]:
    """A replacement for ``app.openapi`` that adds the routes of ``unmounted`` and their bodies, and
    completes all of them; ``access`` adds what they ask of callers.
    """

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
            components = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(definitions["$defs"])
            components["examples"] = example_components()
            components["headers"] = {"X-Request-Id": REQUEST_ID_HEADER}
            for path in document["paths"].values():
                for method, operation in path.items():
                    _complete(operation, components["schemas"], is_get=method == "get")
            access.add_to(document)
            for name in FRAMEWORK_SCHEMAS:
                components["schemas"].pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _complete(operation: dict[str, Any], schemas: dict[str, Any], *, is_get: bool) -> None:
    """Add to ``operation`` what every route has, and the examples that its schemas hold."""
    _name_parameters(operation, is_get=is_get)
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]
    _add_universal(responses)
    operation["responses"] = dict(sorted(responses.items()))
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": REQUEST_ID_REFERENCE}
    for content in _contents(operation):
        if "example" not in content and "examples" not in content:
            example = _example_of(content["schema"], schemas)
            if example is not None:
                content["example"] = example


def _name_parameters(operation: dict[str, Any], *, is_get: bool) -> None:
    """Say what the parameters in the path are. Their example stands where it suits every body."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["description"], example = PATH_PARAMETERS[parameter["name"]]
            if is_get:
                parameter["example"] = example


def _add_universal(responses: dict[str, Any]) -> None:
    for status, response in universal_problems().items():
        described = responses.setdefault(str(status), response)
        examples = described["content"][MEDIA_TYPE]["examples"]
        examples.update(response["content"][MEDIA_TYPE]["examples"])


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The media types of the body and the answers of ``operation``."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from holder.get("content", {}).values()


def _example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The first example that ``schema`` holds or refers to, None where there is none."""
    if "$ref" in schema:
        return _example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("type") == "array" and (item := _example_of(schema["items"], schemas)):
        return [item]
    return next(iter(schema.get("examples", [])), None)
