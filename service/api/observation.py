"""Plain ASGI middleware around everything: the request id, the last word on errors, one metric and
one log line a request.
"""

import logging
import time
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model_directory.panic import is_panic
from service.api.access import LOGGED
from service.api.caller import CALLER_LEFT, connection_of
from service.api.door import Door
from service.api.headers import request_id_of
from service.api.problems import RETRY_AFTER, problem_of, response_of
from service.lifecycle import Lifecycle, Phase
from service.scheduling.errors import QueueFullError
from service.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class ObservationMiddleware:
    """Puts ``request_id`` into the scope's state for routes to use, beside ``started`` (when the
    header was read, monotonic seconds), and ``model`` and ``route``, empty, for them to fill.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, lifecycle: Lifecycle, door: Door) -> None:
        self._app = app
        self._door = door
        self._metrics = metrics
        self._lifecycle = lifecycle
        self._logs_success = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._door.begun(scope)
        request_id = request_id_of(dict(scope["headers"]))
        state = scope["state"]
        state.update(request_id=request_id, model="", route="")
        status = 0
        ended = 0.0

        async def send_with_id(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode("ascii"))]
                if self._lifecycle.phase is Phase.DRAINING:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                ended = time.monotonic()

        self._metrics.request_started()
        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = CALLER_LEFT
            # The server may not have heard of it yet, and would find an answer missing.
            connection_of(scope).cut()
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            response = self._response_to(error, scope)
            if status == 0:
                await response(scope, receive, send_with_id)
        finally:
            # What is counted after the answer was handed over is nobody's wait for it.
            self._count(scope, status or CALLER_LEFT, ended or time.monotonic())

    @staticmethod
    def _response_to(error: BaseException, scope: Scope) -> Response:
        """The answer that ``error`` is. In a frame of its own: often the problem is the error, and
        a frame that both was passed by it and knows it would keep itself alive, and the request's
        body with it, until the garbage collector comes.
        """
        request_id = scope["state"]["request_id"]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            problem = problem_of(error)
        if isinstance(error, QueueFullError):
            connection_of(scope).told_to_wait(float(problem.headers[RETRY_AFTER]))
        return response_of(problem, request_id)

    def _count(self, scope: Scope, status: int, ended: float) -> None:
        state = scope["state"]
        seconds = ended - state["started"]
        route = state["route"] or getattr(scope.get("route"), "path", "")
        self._metrics.request_ended(route, state["model"], status, seconds)
        if self._logs_success or status >= 400:
            self._log(scope, state["request_id"], state, status, seconds)

    @staticmethod
    def _log(
        scope: Scope, request_id: str, state: dict[str, Any], status: int, seconds: float
    ) -> None:
        write = log.debug if status < 400 else log.warning if status >= 500 else log.info
        write(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=scope["path"][:256],
            model=state["model"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
            **state.get(LOGGED, {}),
        )
