"""One error of each status, as the OpenAPI description shows it: what it means, and an example made
as the answer itself would be.
"""

from typing import Any

import orjson

from service.api.problems import MEDIA_TYPE, RETRY_AFTER, ProblemError, body_of, invalid

REQUEST_ID = "1c8ad5f3e5b04ed2a5bb1f1a0d8b2c6e"

DESCRIPTIONS = {
    400: "The body is not JSON, or not UTF-8.",
    404: "There is no such model, or none for this task.",
    408: "The request did not arrive whole in time.",
    413: "The body is larger than the limit.",
    415: "The body is not JSON, or has a Content-Encoding.",
    422: "The body breaks the schema or a limit; `errors` names each place.",
    429: "The queue is full; `Retry-After` says in how many seconds there will be room.",
    500: "Our fault; the log has the cause under the request id.",
    503: "The service is starting or shutting down, or the model failed to load.",
    504: "The deadline passed, or cannot be met.",
}

EXAMPLES = {
    400: ProblemError(
        400, "not_json", "The body is not valid JSON: expected value at line 1 column 1."
    ),
    404: ProblemError(
        404, "model_not_found", "There is no model 'films'; loaded are: sentiment, topics."
    ),
    408: ProblemError(408, "receive_timeout", "The request did not arrive whole within 10 s."),
    413: ProblemError(
        413, "body_too_large", "The body is larger than the 2097152 bytes that are allowed."
    ),
    415: ProblemError(
        415,
        "content_type",
        "The body must be JSON: send it with the header Content-Type: application/json.",
    ),
    422: invalid([("parameters.top_k", "Input should be greater than or equal to 1.")]),
    429: ProblemError(
        429,
        "overloaded",
        "The service has as much work waiting as it takes; try again in 2 s.",
        headers={RETRY_AFTER: "2"},
    ),
    500: ProblemError(
        500,
        "internal",
        "Something went wrong on our side; the log has the cause under this request's id.",
    ),
    503: ProblemError(
        503,
        "not_ready",
        "The service is starting: its models are being loaded.",
        headers={RETRY_AFTER: "1"},
    ),
    504: ProblemError(
        504,
        "deadline_exceeded",
        "The answer is predicted to take 0.81 s and the deadline is in 0.5 s.",
    ),
}


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route answers with these ``statuses``."""
    return {status: _response(EXAMPLES[status]) for status in statuses}


def _response(problem: ProblemError) -> dict[str, Any]:
    content: dict[str, Any] = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": orjson.loads(body_of(problem, REQUEST_ID)),
    }
    response: dict[str, Any] = {
        "description": DESCRIPTIONS[problem.status],
        "content": {MEDIA_TYPE: content},
    }
    if problem.headers:
        response["headers"] = {
            name: {
                "description": "Seconds after which it is worth trying again.",
                "schema": {"type": "integer", "minimum": 1},
                "example": int(value),
            }
            for name, value in problem.headers.items()
        }
    return response
