"""The one table of errors: which exception is which HTTP status, and the body that every client can
read (RFC 9457).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.schemas import TAGS
from service.inference import ModelRunError
from service.lifecycle import DrainingError, StartingError
from service.registry import ModelUnavailableError, NoSuchModelError
from service.scheduling.errors import ClosedError, DeadlineExceededError, QueueFullError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "Retry-After"
TYPE_PREFIX = "urn:albert-serve:problem:"
NOT_AN_OBJECT = ("model_type", "model_attributes_type", "dict_type")
"""pydantic's names for what its own message would tell with the name of a class of ours."""

MOST_PLACES = 20
"""Places named in one answer: a body that is wrong in a thousand places is told of the first ones.
"""


@dataclass(slots=True)
class ProblemError(Exception):
    """A request that is answered with an error, raised where the wire itself is at fault."""

    status: int
    error_type: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def problem_of(error: BaseException) -> ProblemError:
    """What the caller is told of ``error``."""
    match error:
        case ProblemError():
            return error
        case HTTPException():
            return _of_http_exception(error)
        case NoSuchModelError():
            return ProblemError(404, "model_not_found", str(error))
        case QueueFullError():
            seconds = error.told_seconds
            return ProblemError(
                429,
                "overloaded",
                f"The service has as much work waiting as it takes; try again in {seconds} s.",
                headers={RETRY_AFTER: str(seconds)},
            )
        case StartingError() | DrainingError() | ClosedError() | ModelUnavailableError():
            kind = "unavailable" if isinstance(error, ModelUnavailableError) else "not_ready"
            headers = {} if isinstance(error, ModelUnavailableError) else {RETRY_AFTER: "1"}
            return ProblemError(503, kind, str(error), headers=headers)
        case DeadlineExceededError():
            return ProblemError(504, "deadline_exceeded", str(error))
        case _:
            if not isinstance(error, ModelRunError):
                log.error("an unexpected error", exc_info=error)
            else:
                log.error("a model run failed", exc_info=error)
            return ProblemError(
                500,
                "internal",
                "Something went wrong on our side; the log has the cause under this request's id.",
            )


def response_of(problem: ProblemError, request_id: str) -> Response:
    """The HTTP answer, ``application/problem+json``."""
    return Response(
        body_of(problem, request_id),
        problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def body_of(problem: ProblemError, request_id: str) -> bytes:
    """The body of the answer."""
    return orjson.dumps(content_of(problem, request_id))


def content_of(problem: ProblemError, request_id: str) -> dict[str, Any]:
    """The members of the body."""
    return {
        "type": TYPE_PREFIX + problem.error_type,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request_id,
        "error": problem.detail,
        "error_type": problem.error_type,
        "errors": problem.errors,
    }


def invalid(errors: Sequence[tuple[str, str]]) -> ProblemError:
    """422: ``errors`` are places and messages, at least one."""
    places = [{"place": place, "message": message} for place, message in errors[:MOST_PLACES]]
    detail = f"{places[0]['place']}: {places[0]['message']}"
    if len(errors) > 1:
        detail += f" (and {len(errors) - 1} more)"
    return ProblemError(422, "validation", detail, places)


def of_validation_error(
    error: ValidationError, allowed: Callable[[Sequence[int | str]], Iterable[str]]
) -> ProblemError:
    """422 for a body that breaks the schema; ``allowed`` names the keys that a place may have."""
    issues = error.errors(include_url=False, include_context=False, include_input=False)
    places = []
    for issue in issues:
        message = f"{issue['msg']}."
        if issue["type"] in NOT_AN_OBJECT:
            message = "It should be an object."
        elif issue["type"] == "extra_forbidden":
            keys = ", ".join(allowed(issue["loc"][:-1]))
            message = f"There is no such key here; allowed are: {keys}."
        places.append((place_of(issue["loc"]), message))
    return invalid(places)


def place_of(location: Sequence[int | str]) -> str:
    """``("inputs", 3, "context")`` as ``inputs[3].context``."""
    place = ""
    for part in location:
        if part in TAGS:
            continue
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            # A key that the caller made up may be of any length.
            name = part if len(part) <= 64 else part[:63] + "…"
            place += f".{name}" if place else name
    return place or "body"


def _of_http_exception(error: HTTPException) -> ProblemError:
    headers = dict(error.headers) if isinstance(error.headers, Mapping) else {}
    match error.status_code:
        case 404:
            return ProblemError(404, "not_found", "There is no such route; GET /docs lists them.")
        case 405:
            allowed = headers.get("Allow", "")
            return ProblemError(
                405, "method_not_allowed", f"This route takes {allowed} only.", headers=headers
            )
        case status:
            return ProblemError(status, "http", str(error.detail), headers=headers)
