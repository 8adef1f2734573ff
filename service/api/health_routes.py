"""Health, three ways, and the metrics: what an orchestrator and a scraper ask.

They ask also when there is more to do than can be done. By the short way a question takes 0.11 ms
of the event loop, by FastAPI's 0.24, and several times that between runs that have filled the
caches.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.api.schemas import Health
from service.lifecycle import Lifecycle, Phase
from service.registry import Registry
from service.telemetry.metrics import Metrics

LIVE, READY, STARTUP = "/health/live", "/health/ready", "/health/startup"
METRICS = "/metrics"

UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {
        "model": Health,
        "description": "Not now; ``reasons`` says why.",
        "content": {"application/json": {"example": {"status": "starting", "reasons": []}}},
    }
}
_SAMPLE = """\
# HELP albert_queue_sequences Rows that wait for a worker.
# TYPE albert_queue_sequences gauge
albert_queue_sequences 0.0
"""
EXPOSED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All metrics.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": _SAMPLE},
            "application/openmetrics-text": {
                "schema": {"type": "string"},
                "example": f"{_SAMPLE}# EOF\n",
            },
        },
    }
}


class HealthRoutes:
    """Answers for the state of the process, never for a caller's request."""

    def __init__(self, lifecycle: Lifecycle, registry: Registry, metrics: Metrics) -> None:
        self._lifecycle = lifecycle
        self._registry = registry
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """The short way to each of them."""
        return [
            Route(path, HealthEndpoint(path, respond), methods=["GET"])
            for path, respond in (
                (LIVE, self.live),
                (READY, self.ready),
                (STARTUP, self.startup),
                (METRICS, self.metrics),
            )
        ]

    def router(self) -> APIRouter:
        """The same, documented, for FastAPI, which has the other methods too."""
        router = APIRouter(tags=["health"])
        router.add_api_route(LIVE, self.live, methods=["GET"], response_model=Health)
        for path, respond in ((READY, self.ready), (STARTUP, self.startup)):
            router.add_api_route(
                path, respond, methods=["GET"], response_model=Health, responses=UNAVAILABLE
            )
        router.add_api_route(
            METRICS,
            self.metrics,
            methods=["GET"],
            response_class=Response,
            responses=EXPOSED,
            tags=["metrics"],
        )
        return router

    async def live(self, _: Request) -> Response:
        """The process is alive: its event loop turns. Restart it when this fails."""
        return _answer("ok")

    async def ready(self, _: Request) -> Response:
        """Requests may be sent here now."""
        if self._lifecycle.phase is not Phase.SERVING:
            return _answer(self._lifecycle.phase.value)
        missing = self._registry.missing()
        return _answer("unavailable", missing) if missing else _answer("ok")

    async def startup(self, _: Request) -> Response:
        """The start is over: every model was loaded or failed for good."""
        return _answer("starting" if self._lifecycle.phase is Phase.STARTING else "ok")

    async def metrics(self, request: Request) -> Response:
        """All metrics, in Prometheus' text format or as OpenMetrics."""
        accept = request.headers.get("accept", "")
        body, content_type = await run_in_threadpool(self._metrics.expose, accept)
        return Response(body, headers={"Content-Type": content_type})


@dataclass(frozen=True, slots=True)
class HealthEndpoint:
    """The ASGI application of one route, which metrics know as ``route``."""

    route: str
    respond: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["state"]["route"] = self.route
        response = await self.respond(Request(scope))
        await response(scope, receive, send)


def _answer(status: str, reasons: list[str] | None = None) -> Response:
    return JSONResponse(
        {"status": status, "reasons": reasons or []}, 200 if status == "ok" else 503
    )
