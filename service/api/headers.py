"""Request headers that carry a value of ours, checked.

Headers are a mapping of lower-case names to values, both as the bytes that ASGI hands over: of a
dozen headers hardly any is looked at, so none is decoded that is not.
"""

import random
import re
from collections.abc import Mapping

from starlette.types import Scope

from service.api.problems import invalid
from service.scheduling.priority import Priority

LISTS = (b"transfer-encoding", b"content-encoding")
"""Fields of a list's items, which several lines may hold as well (RFC 9110, 5.3)."""
REQUEST_ID = b"x-request-id"
REQUEST_TIMEOUT = b"x-request-timeout"
PRIORITY = b"x-priority"

AROUND = b" \t"
"""White space that may be around a value and is no part of it (RFC 9110, 5.5); the server leaves
what is behind it."""

SECONDS = (
    r"0{0,8}(3600(\.0{1,30})?|(3[0-5][0-9]{2}|[12][0-9]{3}|[1-9][0-9]{0,2})(\.[0-9]{1,30})?"
    r"|0\.0{0,29}[1-9][0-9]{0,29})"
)
"""A positive decimal number, at most 3600 as in the setting of who sends none: a caller who waits
without end holds what was prepared for it. It has as many places as a language may write of what is
left of a time: Python has up to 20 of them where there is no exponent.
"""

_REQUEST_ID = re.compile(rb"[\x20-\x7e]{1,128}")
_SECONDS = re.compile(SECONDS.encode())
_PRIORITIES = {priority.value.encode(): priority for priority in Priority}


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request: of a field that is there twice the last, but all of a list."""
    lines = scope["headers"]
    headers: dict[bytes, bytes] = dict(lines)
    if len(headers) != len(lines):
        for field in LISTS:
            if field in headers:
                headers[field] = b", ".join(value for name, value in lines if name == field)
    return headers


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The caller's id if it is 1–128 printable ASCII characters, a new one otherwise.

    A new one need only be unlikely to repeat, not hard to guess, so no system call is spent on it.
    """
    given = headers.get(REQUEST_ID)
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{random.getrandbits(128):032x}"


def timeout_of(headers: Mapping[bytes, bytes], default_seconds: float) -> float:
    """Seconds that the caller gives us. Raises ProblemError, 422, for anything but a positive
    decimal number of an hour at most.
    """
    given = headers.get(REQUEST_TIMEOUT)
    if given is None:
        return default_seconds
    given = given.strip(AROUND)
    if not _SECONDS.fullmatch(given):
        message = "It must be a positive decimal number of seconds, at most 3600."
        raise invalid([("headers.X-Request-Timeout", message)])
    return float(given)


def priority_of(headers: Mapping[bytes, bytes]) -> Priority:
    """Who waits for the answer; interactive when the caller does not say. Raises ProblemError, 422,
    for any other value.
    """
    given = headers.get(PRIORITY)
    if given is None:
        return Priority.INTERACTIVE
    priority = _PRIORITIES.get(given.strip(AROUND))
    if priority is None:
        raise invalid([("headers.X-Priority", f"It must be {' or '.join(Priority)}.")])
    return priority
