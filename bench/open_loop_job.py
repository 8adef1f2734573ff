"""What an open loop is told to do, and what it tells: plain values that cross a process."""

import json
from dataclasses import asdict, dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a POST of ``body`` (JSON), or a GET when there is none.

    One that ``leaves`` has a connection of its own, which is closed as soon as it is written.
    """

    kind: str
    path: str
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Callers:
    """``count`` callers from ``start`` (seconds) on: each asks the next of ``requests`` (positions
    in the job) when it has its answer, over and over, or each once.

    Each has a connection of its own. Told 429, a caller waits as long as it was told and asks the
    same again.
    """

    count: int
    requests: list[int]
    start: float = 0.0
    once: bool = False


@dataclass(frozen=True, slots=True)
class OpenJob:
    """Send ``requests`` at ``arrivals`` (seconds after the start, position of the request) and as
    ``callers`` ask for them; nothing is sent after ``seconds``.

    Answers are waited for ``drain_seconds`` more: by default longer than the service's deadline.
    """

    host: str
    port: int
    seconds: float
    requests: list[Request]
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    callers: list[Callers] = field(default_factory=list)
    drain_seconds: float = 35.0


class Answer(NamedTuple):
    """What came of one request."""

    request: int
    """Position in the job."""
    chain: int
    """The same for a request and for its repetitions by a caller who was told to come again."""
    at: float
    """When it was to be sent, seconds after the start."""
    sent: float
    """When it was written, seconds after the start."""
    seconds: float
    """From ``at`` until the whole answer was there, or until it was given up."""
    status: int
    """0 without an answer."""
    retry_after: float | None
    tokens: int
    """As the service counts them (``X-Tokens``); 0 where it says nothing."""


def job_to_json(job: OpenJob) -> str:
    """For the standard input of the process."""
    return json.dumps(asdict(job))


def job_from_json(written: str) -> OpenJob:
    """Read what ``job_to_json`` wrote."""
    fields = json.loads(written)
    fields["requests"] = [Request(**request) for request in fields["requests"]]
    fields["arrivals"] = [(at, request) for at, request in fields["arrivals"]]
    fields["callers"] = [Callers(**callers) for callers in fields["callers"]]
    return OpenJob(**fields)
