"""The service cut short: ``python -m bench.http_steps STEP MODELS`` answers with a constant after a
part of a request's way, for ``bench.http_cost`` to tell what each part costs.

It prints its port when it is ready. Every step is served by the service's own server and protocol
class, at the path where the whole service answers for a model by name.
"""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.answer import send_json
from service.api.body import BodyReader
from service.api.caller import connection_of
from service.api.front import Front
from service.api.headers import priority_of, timeout_of
from service.api.inference_routes import MODEL_PATH
from service.api.schemas import ClassificationBody, LabelScore
from service.api.translation import InputLimits, parse
from service.app import Application
from service.lifecycle import Phase
from service.runtime.session import Logits
from service.server import serve
from service.settings import Settings
from service.telemetry.logging import configure_logging

ANSWER = orjson.dumps(
    [[{"label": "POSITIVE", "score": 0.625}, {"label": "NEGATIVE", "score": 0.375}]]
)
BODIES = BodyReader(1 << 21, 10.0)
LOGITS: Logits = (np.array([0.25, -0.25], dtype=np.float32),)
ROOM_SECONDS = 60.0
"""Of predicted work that may wait, so that nothing is refused."""
NO_TIME_SECONDS = 1e-6
"""A deadline that no request can meet, so that every one is refused before it is tokenised."""
CACHE_ENTRIES = 1000
"""More than there are different texts."""
WHOLE_STEPS: Mapping[str, dict[str, Any]] = {
    "whole": {},
    "logged": {"log_level": "debug"},
    "refused": {"request_timeout": NO_TIME_SECONDS},
    "cached": {"cache_entries": CACHE_ENTRIES},
}
"""The service as it is, under other settings."""


@dataclass(frozen=True, slots=True)
class Part:
    """The first stages of a request's way, as far as ``until``; the answer is a constant."""

    application: Application
    until: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await send_json(send, await self._answer(scope, receive), [])

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        if self.until == "constant":
            return ANSWER
        headers = dict(scope["headers"])
        timeout_of(headers, 30.0)
        priority_of(headers)
        whole = connection_of(scope).request_is_whole
        body = await BODIES.read(headers, receive, scope["state"]["started"], is_whole=whole)
        if self.until == "body":
            return ANSWER
        model = self.application.registry.get(scope["path_params"]["model"])
        parsed = parse(model.manifest.task, body, InputLimits(256, 200_000))
        if self.until == "validation":
            return ANSWER
        prepared = model.task.prepare(parsed.request)
        if self.until == "tokens":
            return ANSWER
        return orjson.dumps(parsed.render(model.task.decode(prepared, [LOGITS])))


def build(step: str, application: Application) -> ASGIApp:
    """The ASGI application of ``step``."""
    if step in WHOLE_STEPS:
        return application.asgi
    if step == "bare":
        return Bare(application)
    app = application.fastapi
    if step == "starlette":
        app.router.routes.insert(0, Route(MODEL_PATH, _starlette_route, methods=["POST"]))
        return app
    if step == "fastapi":
        app.router.routes.clear()
        app.post(MODEL_PATH)(_fastapi_route)
        return app
    route = Route(MODEL_PATH, Part(application, step), methods=["POST"])
    return Front(app, [route], application.observed)


@dataclass(frozen=True, slots=True)
class Bare:
    """A constant without any framework or middleware."""

    application: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.application.asgi(scope, receive, send)
        else:
            self.application.door.begun(scope)
            await send_json(send, ANSWER, [])


async def _starlette_route(_: Request) -> Response:
    return Response(ANSWER, media_type="application/json")


async def _fastapi_route(model: str, body: ClassificationBody) -> list[list[LabelScore]]:
    return [[LabelScore(label="POSITIVE", score=0.625), LabelScore(label="NEGATIVE", score=0.375)]]


def main() -> None:
    """Serve the step named on the command line until a signal."""
    step, models = sys.argv[1:]
    settings = Settings(
        models=Path(models),
        port=0,
        max_queue_seconds=ROOM_SECONDS,
        **WHOLE_STEPS.get(step, {}),
    )
    configure_logging("json", settings.log_level)
    application = Application(settings)

    async def announce(port: int) -> None:
        while application.lifecycle.phase is Phase.STARTING:
            await asyncio.sleep(0.01)
        print(port, flush=True)

    announcing: set[asyncio.Task[None]] = set()

    def on_listening(port: int) -> asyncio.Task[None]:
        announcing.add(asyncio.ensure_future(announce(port)))
        return application.listening(port)

    serve(
        build(step, application),
        application.lifecycle,
        application.door,
        host=settings.host,
        port=settings.port,
        receive_seconds=settings.receive_timeout,
        drain_seconds=settings.drain_seconds,
        on_listening=on_listening,
        abandon=application.scheduler.abandon,
    )


if __name__ == "__main__":
    main()
