"""Request headers that carry a value of ours, checked."""

import math
import random
import re
from collections.abc import Mapping

from service.api.problems import invalid

REQUEST_ID = "x-request-id"
REQUEST_TIMEOUT = "x-request-timeout"


def request_id_of(headers: Mapping[str, str]) -> str:
    """The caller's id if it is 1–128 printable ASCII characters, a new one otherwise.

    A new one need only be unlikely to repeat, not hard to guess, so no system call is spent on it.
    """
    given = headers.get(REQUEST_ID, "")
    return (
        given if re.fullmatch(r"[\x20-\x7e]{1,128}", given) else f"{random.getrandbits(128):032x}"
    )


def timeout_of(headers: Mapping[str, str], default_seconds: float) -> float:
    """Seconds that the caller gives us. Raises ProblemError, 422, for anything but a positive
    decimal number.
    """
    given = headers.get(REQUEST_TIMEOUT)
    if given is None:
        return default_seconds
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given) or math.isclose(float(given), 0.0):
        raise invalid(
            [("headers.X-Request-Timeout", "It must be a positive decimal number of seconds.")]
        )
    return float(given)
