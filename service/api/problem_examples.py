"""An example of every error for the OpenAPI description, made by what makes the errors."""

from collections.abc import Sequence
from typing import Any

from service.api.problems import (
    MEDIA_TYPE,
    RETRY_AFTER,
    ProblemError,
    content_of,
    invalid,
)
from service.api.schemas import Problem

REFERENCE = "#/components/schemas/{model}"
EXAMPLE_REFERENCE = "#/components/examples/{name}"
REQUEST_ID = "5d41402abc4b2a76b9719d911017c592"

DESCRIPTIONS = {
    400: "The request is not HTTP/1.1, or its body is not JSON in UTF-8.",
    404: "There is no such model, or none for this task.",
    408: "The request did not arrive whole in time.",
    413: "The body is larger than the limit.",
    415: "The body has another media type, or a Content-Encoding.",
    422: "The request breaks the schema or a limit; `errors` names each place.",
    429: "The queue is full, or many large bodies are on their way; `Retry-After` says in how many "
    "seconds there will be room.",
    431: "The request's header is too large.",
    500: "Our fault; the log has the cause under the request id.",
    501: "The body has a Transfer-Encoding other than chunked.",
    503: "The service is starting or shutting down, or the model failed to load.",
    504: "The deadline passed, or cannot be met.",
}

RETRY_AFTER_FIELD = {
    "description": "Seconds after which it is worth trying again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
    "example": 2,
}

_PROBLEMS = [
    ProblemError(
        400,
        "malformed_request",
        "This is not a valid HTTP/1.1 request: its first line, its header or the framing of its "
        "body is malformed.",
    ),
    ProblemError(
        400,
        "not_json",
        "The body is not valid JSON: EOF while parsing a value at line 1 column 0.",
    ),
    ProblemError(
        400,
        "header_length",
        "The header Inference-Header-Content-Length must be the length of the JSON in bytes, from "
        "0 to the 180 of the body.",
    ),
    ProblemError(
        404,
        "model_not_found",
        "There is no model 'nope'; loaded are: intents, question-answering, sentiment, topics.",
    ),
    ProblemError(408, "request_timeout", "The request's header did not arrive whole within 10 s."),
    ProblemError(408, "receive_timeout", "The request's body did not arrive whole within 10 s."),
    ProblemError(
        413, "body_too_large", "The body is larger than the 2097152 bytes that are allowed."
    ),
    ProblemError(
        413, "line_too_large", "The line is larger than the 2097152 bytes that are allowed."
    ),
    ProblemError(
        415,
        "content_type",
        "The body must be JSON: send it with the header Content-Type: application/json.",
    ),
    ProblemError(415, "content_encoding", "The body must be sent without a Content-Encoding."),
    invalid([("inputs[3].context", "Field required.")]),
    ProblemError(
        429,
        "overloaded",
        "The service has as much work waiting as it takes; try again in 2 s.",
        headers={RETRY_AFTER: "2"},
    ),
    ProblemError(
        431,
        "request_header_fields_too_large",
        "The request header is larger than 65536 bytes.",
    ),
    ProblemError(
        500,
        "internal",
        "Something went wrong on our side; the log has the cause under this request's id.",
    ),
    ProblemError(
        501, "transfer_encoding", "The body must be sent with no Transfer-Encoding but chunked."
    ),
    ProblemError(
        503,
        "not_ready",
        "The service is starting: its models are being loaded.",
        headers={RETRY_AFTER: "1"},
    ),
    ProblemError(503, "unavailable", "The model 'topics' failed to load."),
    ProblemError(504, "deadline_exceeded", "The deadline passed before the answer was there."),
]

EXAMPLES = {problem.error_type: problem for problem in _PROBLEMS}

FROM_HTTP = ("malformed_request", "request_timeout", "request_header_fields_too_large", "internal")
"""What every route may answer, whatever it does; the first three come before there is a route."""

OF_ONE_FACE = ("header_length", "line_too_large")
"""What only one kind of routes answers; the second is in a line of a bulk answer, which is 200."""


def example_components() -> dict[str, Any]:
    """Every example by its ``error_type``, for ``components`` of the description."""
    return {
        problem.error_type: {
            "summary": problem.error_type.replace("_", " "),
            "value": content_of(problem, REQUEST_ID),
        }
        for problem in EXAMPLES.values()
    }


def problems_of(*statuses: int, also: Sequence[str] = ()) -> dict[int | str, dict[str, Any]]:
    """The errors that a route answers with these ``statuses``; ``also`` are types that only routes
    of its kind have.
    """
    return {status: _response(status, _types_of(status, also)) for status in statuses}


def universal_problems() -> dict[int, dict[str, Any]]:
    """The errors of ``FROM_HTTP``, by status."""
    return {
        problem.status: _response(problem.status, [problem.error_type])
        for problem in EXAMPLES.values()
        if problem.error_type in FROM_HTTP
    }


def _types_of(status: int, also: Sequence[str]) -> list[str]:
    return [
        problem.error_type
        for problem in EXAMPLES.values()
        if problem.status == status
        and (problem.error_type not in OF_ONE_FACE or problem.error_type in also)
    ]


def _response(status: int, types: Sequence[str]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "schema": {"$ref": REFERENCE.format(model=Problem.__name__)},
        "examples": {name: {"$ref": EXAMPLE_REFERENCE.format(name=name)} for name in types},
    }
    response: dict[str, Any] = {
        "description": DESCRIPTIONS[status],
        "content": {MEDIA_TYPE: content},
    }
    told = [EXAMPLES[name].headers.get(RETRY_AFTER) for name in types]
    if any(told):
        response["headers"] = {RETRY_AFTER: {**RETRY_AFTER_FIELD, "required": all(told)}}
    return response
