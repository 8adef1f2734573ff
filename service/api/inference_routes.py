"""The routes that answer: one for each task, and one for each model by name."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from model_directory.manifest import Task
from service.api.body import caller_left, read_json_body
from service.api.headers import timeout_of
from service.api.openapi import body_of, responses_of
from service.api.translation import InputLimits, parse, refusal
from service.inference import Inference, Outcome
from service.lifecycle import Lifecycle
from service.registry import LoadedModel, Registry
from service.tasks.errors import InputError
from service.telemetry.metrics import Metrics

ResultT = TypeVar("ResultT")

MODEL_PATH = "/v1/models/{model}"


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a request may be, and how long it may take."""

    body_bytes: int
    receive_seconds: float
    request_seconds: float
    inputs: InputLimits


class InferenceRoutes:
    """Reads a body, has it answered, and writes the answer."""

    def __init__(
        self,
        registry: Registry,
        inference: Inference,
        lifecycle: Lifecycle,
        metrics: Metrics,
        limits: WireLimits,
    ) -> None:
        self._registry = registry
        self._inference = inference
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._limits = limits

    def routes(self) -> list[Route]:
        """The routes themselves.

        They read their bodies on their own, so FastAPI's routing would add nothing but its cost:
        they are plain Starlette routes, and ``documentation`` describes them.
        """
        routes = [
            Route(f"/v1/{task}", self._task_endpoint(task), methods=["POST"]) for task in Task
        ]
        return [*routes, Route(MODEL_PATH, self._model_endpoint, methods=["POST"])]

    def documentation(self) -> APIRouter:
        """The same routes for the OpenAPI description; not to be mounted."""
        router = APIRouter(tags=["inference"])
        for task in Task:
            router.add_api_route(
                f"/v1/{task}",
                self._task_endpoint(task),
                methods=["POST"],
                name=task.value,
                summary=f"Answer with the default {task.value} model",
                responses=responses_of(task),
                openapi_extra=body_of(task),
            )
        router.add_api_route(
            MODEL_PATH,
            self._document_model,
            methods=["POST"],
            name="model",
            summary="Answer with a model by name; the task follows from the model",
            responses=responses_of(*Task),
            openapi_extra=body_of(*Task),
        )
        return router

    def _task_endpoint(self, task: Task) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            request.state.route = f"/v1/{task}"
            return await self._serve(request, lambda: self._registry.default(task))

        return endpoint

    async def _model_endpoint(self, request: Request) -> Response:
        request.state.route = MODEL_PATH
        name = request.path_params["model"]
        return await self._serve(request, lambda: self._registry.get(name))

    async def _document_model(self, model: str) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {model!r}")

    async def _serve(self, request: Request, choose: Callable[[], LoadedModel]) -> Response:
        with self._lifecycle.admitted():
            model = choose()
            request.state.model = model.name
            timeout_seconds = timeout_of(request.headers, self._limits.request_seconds)
            body = await read_json_body(
                request, self._limits.body_bytes, self._limits.receive_seconds
            )
            # The caller's patience starts with the request, not with its last byte.
            deadline = request.state.started + timeout_seconds
            return await unless_caller_leaves(request, self._answer(model, body, deadline))

    async def _answer(self, model: LoadedModel, body: bytes, deadline: float) -> Response:
        parsing = time.monotonic()
        parsed = parse(model.manifest.task, body, self._limits.inputs)
        parsed_seconds = time.monotonic() - parsing
        try:
            outcome = await self._inference.answer(
                model, parsed.request, deadline, lambda result: orjson.dumps(parsed.render(result))
            )
        except InputError as error:
            raise refusal(error, parsed) from error
        self._metrics.stages(model.name, outcome.timings)
        return Response(
            outcome.result,
            media_type="application/json",
            headers=_headers(model, outcome, parsed_seconds),
        )


def _headers(model: LoadedModel, outcome: Outcome[bytes], parse_seconds: float) -> dict[str, str]:
    timings = outcome.timings
    stages = {
        "parse": parse_seconds,
        "tokenize": timings.tokenize,
        "queue": timings.queue,
        "inference": timings.inference,
        "decode": timings.decode,
    }
    return {
        "Server-Timing": ", ".join(
            f"{stage};dur={seconds * 1000:.3f}" for stage, seconds in stages.items()
        ),
        "X-Model": model.name,
        "X-Model-Version": str(model.manifest.version),
        "X-Tokens": str(outcome.tokens),
    }


async def unless_caller_leaves(request: Request, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of ``work``, which is cancelled when the caller hangs up first (then
    ClientDisconnect is raised).
    """
    answering = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(caller_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        raise ClientDisconnect
    finally:
        leaving.cancel()
        if not answering.done():
            answering.cancel()
            await asyncio.wait({answering})
