"""What the OpenAPI description says of keys and rates, where the service has them."""

from typing import Any

from service.api.access import (
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    WITHOUT_KEY,
    WITHOUT_RATE,
    malformed,
    no_key,
    rate_limited,
    wrong_key,
)
from service.api.problem_examples import EXAMPLE_REFERENCE, REFERENCE, REQUEST_ID, RETRY_AFTER_FIELD
from service.api.problems import MEDIA_TYPE, RETRY_AFTER, ProblemError, content_of
from service.api.schemas import Problem

SCHEME = "bearer"
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of the service, in the header `Authorization: Bearer KEY`.",
}
OF_KEYS = {
    401: ("There is no key, or the header is no Bearer token.", [no_key(), malformed()]),
    403: ("The key is none of the service's.", [wrong_key()]),
}
OF_RATE = {
    429: (
        "The caller is over its rate, or the service is full; `Retry-After` says in how many "
        "seconds to come back.",
        [rate_limited(10, 1)],
    )
}
RATE_HEADERS = {
    RATE_LIMIT_POLICY: (
        "How many requests (`q`) a caller may send at once, and again in `w` seconds.",
        '"requests";q=10;w=1',
    ),
    RATE_LIMIT: (
        "How many requests are left (`r`), and in how many seconds (`t`) there will be one more.",
        '"requests";r=7;t=1',
    ),
}
_HEADER = "#/components/headers/{name}"

Problems = dict[int, tuple[str, list[ProblemError]]]


class AccessDescription:
    """Adds to a description what the service asks of its callers; nothing where that is nothing."""

    def __init__(self, *, has_keys: bool, has_rate: bool) -> None:
        self._has_keys = has_keys
        self._has_rate = has_rate

    def add_to(self, document: dict[str, Any]) -> None:
        """Complete ``document``, whose operations have all their other answers."""
        components = document["components"]
        if self._has_keys:
            components["securitySchemes"] = {SCHEME: BEARER}
            _add_examples(components, OF_KEYS)
        if self._has_rate:
            _add_examples(components, OF_RATE)
            for name, (description, example) in RATE_HEADERS.items():
                components["headers"][name] = {
                    "description": description,
                    "schema": {"type": "string"},
                    "example": example,
                }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                self._complete(path, operation)

    def _complete(self, path: str, operation: dict[str, Any]) -> None:
        has_key = self._has_keys and path not in WITHOUT_KEY
        responses = operation["responses"]
        if has_key:
            operation["security"] = [{SCHEME: []}]
            _add_responses(responses, OF_KEYS)
        if self._has_rate and (has_key or path not in WITHOUT_RATE):
            _add_responses(responses, OF_RATE)
            for response in responses.values():
                for name in RATE_HEADERS:
                    response["headers"][name] = {"$ref": _HEADER.format(name=name)}
        operation["responses"] = dict(sorted(responses.items()))


def _add_examples(components: dict[str, Any], problems: Problems) -> None:
    for _, examples in problems.values():
        for problem in examples:
            components["examples"][problem.error_type] = {
                "summary": problem.error_type.replace("_", " "),
                "value": content_of(problem, REQUEST_ID),
            }


def _add_responses(responses: dict[str, Any], problems: Problems) -> None:
    for status, (description, examples) in problems.items():
        content = {"schema": {"$ref": REFERENCE.format(model=Problem.__name__)}, "examples": {}}
        response = responses.setdefault(str(status), {"content": {MEDIA_TYPE: content}})
        response["description"] = description
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = {"$ref": _HEADER.format(name="X-Request-Id")}
        if any(RETRY_AFTER in problem.headers for problem in examples):
            headers[RETRY_AFTER] = RETRY_AFTER_FIELD
        for problem in examples:
            name = problem.error_type
            described = response["content"][MEDIA_TYPE]["examples"]
            described[name] = {"$ref": EXAMPLE_REFERENCE.format(name=name)}
