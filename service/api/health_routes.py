"""Health, three ways, and the metrics: what an orchestrator and a scraper ask."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service.api.schemas import Health
from service.lifecycle import Lifecycle, Phase
from service.registry import Registry
from service.telemetry.metrics import Metrics

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

    def router(self) -> APIRouter:
        """The routes, documented."""
        router = APIRouter(tags=["health"])
        router.add_api_route("/health/live", self.live, methods=["GET"], response_model=Health)
        router.add_api_route(
            "/health/ready",
            self.ready,
            methods=["GET"],
            response_model=Health,
            responses=UNAVAILABLE,
        )
        router.add_api_route(
            "/health/startup",
            self.startup,
            methods=["GET"],
            response_model=Health,
            responses=UNAVAILABLE,
        )
        router.add_api_route(
            "/metrics",
            self.metrics,
            methods=["GET"],
            response_class=Response,
            responses=EXPOSED,
            tags=["metrics"],
        )
        return router

    async def live(self) -> Response:
        """The process is alive: its event loop turns. Restart it when this fails."""
        return _answer("ok")

    async def ready(self) -> Response:
        """Requests may be sent here now."""
        if self._lifecycle.phase is not Phase.SERVING:
            return _answer(self._lifecycle.phase.value)
        missing = self._registry.missing()
        return _answer("unavailable", missing) if missing else _answer("ok")

    async def startup(self) -> Response:
        """The start is over: every model was loaded or failed for good."""
        return _answer("starting" if self._lifecycle.phase is Phase.STARTING else "ok")

    def metrics(self, request: Request) -> Response:
        """All metrics, in Prometheus' text format or as OpenMetrics."""
        body, content_type = self._metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})


def _answer(status: str, reasons: list[str] | None = None) -> Response:
    return JSONResponse(
        {"status": status, "reasons": reasons or []}, 200 if status == "ok" else 503
    )
