"""Turns requests away before anything is spent on them: those of callers who may not ask, and any
while more come in than can be answered.

Reading, validating and tokenising a request costs the event loop a good part of a millisecond, also
when the queue has no room for it. At ten times the capacity that would take the cores from the
models, and everyone's time, health checks' included. So a request is refused as soon as its header
is read, in two cases more: its priority's queue is full; or the event loop has read more requests
than it got round to. And one whose caller has hung up by then is forgotten. What there is no room
for, and says nothing unusual, is not even parsed (``service/plain_request.py``).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

import structlog
from starlette.types import Scope
from uvicorn._types import HTTPScope

from model_directory.manifest import Task
from service.api.access import LOGGED, RATE_LIMITED, Access
from service.api.caller import CALLER_LEFT
from service.api.headers import PRIORITY, REQUEST_ID, request_id_of
from service.api.pacing import Pacing
from service.api.problems import MEDIA_TYPE, ProblemError, body_of, problem_of
from service.http_protocol import MAX_HEADER_BYTES
from service.lifecycle import Lifecycle, Phase
from service.plain_request import plain_path
from service.scheduling.errors import QueueFullError
from service.scheduling.priority import Priority
from service.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

MOST_UNBEGUN = 512
"""Requests that were let in and have not begun. They are some tenths of a millisecond each, and the
wait of those that are let in behind them."""

MOST_PATHS = 256
"""Whose route is remembered: those in use are few."""

PRIORITIES = tuple(Priority)
_BULK = Priority.BULK.encode()

ID_TEMPLATE = b"_" * 32
"""As long as an id of ours."""

MOST_TEMPLATES = 128
"""Answers that are kept. Nobody is told to wait for much longer than a minute."""

HEADER_END = b"\r\n\r\n"

_TASK_ROUTES = {f"/v1/{task}" for task in Task}
_MODEL_ROUTES = (
    (re.compile(r"/v1/models/[^/]*"), "/v1/models/{model}"),
    (re.compile(r"/v2/models/[^/]+/infer"), "/v2/models/{model}/infer"),
    (
        re.compile(r"/v2/models/[^/]+/versions/[^/]+/infer"),
        "/v2/models/{model}/versions/{version}/infer",
    ),
)


class Queue(Protocol):
    """What a door asks of ``service.scheduling.scheduler.Scheduler``, which has the meanings."""

    def is_full(self, priority: Priority, coming: int) -> bool:
        """Whether there is room for nobody but patient callers, behind so many requests of which
        nothing is known.
        """

    def refuse_unread(self, priority: Priority) -> QueueFullError:
        """The refusal of a request that nobody looked at."""


class Door:
    """One for the whole process. Lives on the event loop."""

    def __init__(
        self, lifecycle: Lifecycle, metrics: Metrics, queue: Queue, access: Access | None = None
    ) -> None:
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._queue = queue
        self._access = access
        self._pacing = Pacing()

    def let_in(self, scope: HTTPScope, hand_over: Callable[[], bool]) -> None:
        """Have a request begin: by ``hand_over``, which is False when there is nothing to begin any
        more. What no model is run for, health checks among it, waits for no other.
        """
        if route_of(scope) is None:
            hand_over()
        else:
            self._pacing.let_in(hand_over)

    def begun(self, scope: Scope) -> None:
        """The event loop has got round to a request."""
        if route_of(scope) is not None:
            self._pacing.begun()

    def caller_left(self, scope: HTTPScope) -> bool:
        """Whether a request whose caller has hung up already is done with by this: counted, and
        not logged, as there may be thousands. Only what would be run is.
        """
        route = route_of(scope)
        if route is None:
            return False
        self._metrics.request_turned_away(route, CALLER_LEFT)
        return True

    def turn_away(
        self, scope: HTTPScope, keep_alive: bool, is_patient: bool
    ) -> tuple[bytes, float | None] | None:
        """The whole answer to a request that is not let in, and the seconds that it says to wait
        for room, if it does; or None.

        For want of room only what would be run is turned away, and who was refused and has waited
        (``is_patient``) only where the event loop is behind. While the service starts or ends,
        nothing is turned away here.
        """
        headers: Mapping[str, str] = {}
        if self._access is not None and self._lifecycle.phase is Phase.SERVING:
            decision = self._access.decide(scope)  # type: ignore[arg-type]
            if decision.refusal is not None:
                return self._refused(scope, decision.refusal, decision.headers, keep_alive), None
            headers = decision.headers
        coming = self._pacing.crowd
        is_behind = self._pacing.unbegun >= MOST_UNBEGUN
        full = [each for each in PRIORITIES if self._queue.is_full(each, coming)]
        if not is_behind and (is_patient or not full):
            return None  # as a rule: nothing more of the request needs to be looked at
        route = route_of(scope)
        if route is None or self._lifecycle.phase is not Phase.SERVING:
            return None
        fields = dict(scope["headers"])
        priority = Priority.BULK if fields.get(PRIORITY) == _BULK else Priority.INTERACTIVE
        if not is_behind and priority not in full:
            return None
        return self._overload(route, priority, keep_alive, fields, headers)

    def turn_away_unparsed(self, data: bytes) -> tuple[bytes, float] | None:
        """The same for what was read from a connection that is between two requests and whose
        caller does not come back as told, if it is one whole request that says nothing unusual.
        None says nothing: what is not turned away by this is to be parsed.
        """
        if (
            self._access is not None
            or not self._queue.is_full(Priority.INTERACTIVE, self._pacing.crowd)
            or self._lifecycle.phase is not Phase.SERVING
            or (path := plain_path(data, MAX_HEADER_BYTES)) is None
            or (route := _route_of_path(path)) is None
        ):
            return None
        return self._overload(route, Priority.INTERACTIVE, True, {}, {})

    def _overload(
        self,
        route: str,
        priority: Priority,
        keep_alive: bool,
        fields: Mapping[bytes, bytes],
        headers: Mapping[str, str],
    ) -> tuple[bytes, float]:
        """The answer to a request with these ``fields`` for want of room, with these ``headers``
        beside its own; and the seconds that it says to wait.
        """
        refusal = self._queue.refuse_unread(priority)
        self._metrics.request_turned_away(route, HTTPStatus.TOO_MANY_REQUESTS)
        request_id = request_id_of(fields)
        if headers or REQUEST_ID in fields:
            answer = _answer(problem_of(refusal), request_id, keep_alive, headers)
        else:
            template = _overloaded(refusal.told_seconds, keep_alive)
            answer = template.replace(ID_TEMPLATE, request_id.encode("ascii"))
        return answer, float(refusal.told_seconds)

    def _refused(
        self, scope: HTTPScope, problem: ProblemError, headers: Mapping[str, str], keep_alive: bool
    ) -> bytes:
        """The answer to a caller who may not ask: counted, and logged but for one over its rate, of
        whom there may be thousands.
        """
        self._metrics.request_turned_away(route_of(scope) or "", problem.status)
        request_id = request_id_of(dict(scope["headers"]))
        if problem.error_type != RATE_LIMITED:
            log.info(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"][:256],
                status=problem.status,
                **scope["state"][LOGGED],
            )
        answer = _answer(problem, request_id, keep_alive, headers)
        if scope["method"] == "HEAD":  # its answer is a header (RFC 9110, 9.3.2)
            return answer[: answer.index(HEADER_END) + len(HEADER_END)]
        return answer

    def unreadable(self, status: int, error_type: str, detail: str) -> bytes:
        """The whole answer to what is no request, or not within the bounds of one: counted, and
        not logged.
        """
        self._metrics.request_turned_away("", status)
        problem = ProblemError(status, error_type, detail)
        return _answer(problem, request_id_of({}), keep_alive=False, headers={})


def route_of(scope: Scope | HTTPScope) -> str | None:
    """The route of a request that a model would be run for, as metrics know it."""
    return _route_of_path(scope["path"]) if scope["method"] == "POST" else None


@lru_cache(maxsize=MOST_PATHS)
def _route_of_path(path: str) -> str | None:
    if path in _TASK_ROUTES:
        return path
    return next((route for pattern, route in _MODEL_ROUTES if pattern.fullmatch(path)), None)


@lru_cache(maxsize=MOST_TEMPLATES)
def _overloaded(seconds: int, keep_alive: bool) -> bytes:
    """The answer to a caller who is told to come back in ``seconds``, for the id of its request,
    one of ours, to be filled in.
    """
    problem = problem_of(QueueFullError(seconds, Priority.INTERACTIVE, 0.0))
    return _answer(problem, ID_TEMPLATE.decode(), keep_alive, {})


def _answer(
    problem: ProblemError, request_id: str, keep_alive: bool, headers: Mapping[str, str]
) -> bytes:
    body = body_of(problem, request_id)
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        *(f"{name.lower()}: {value}" for name, value in {**problem.headers, **headers}.items()),
        f"x-request-id: {request_id}",
        *([] if keep_alive else ["connection: close"]),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("ascii") + body
