"""The routes that answer: one for each task, and one for each model by name.

They are ASGI applications: what Starlette would make around a function, and throw away again with
each request, costs as much as validating the body (docs/http-cost.md).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson
from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from model_directory.manifest import Task
from service.api.answer import Headers, send_json
from service.api.body import BodyReader
from service.api.caller import UnlessCallerLeaves, connection_of
from service.api.headers import headers_of, priority_of, timeout_of
from service.api.openapi import HEADERS, body_of, responses_of
from service.api.translation import InputLimits, ParsedRequest, parse, refusal
from service.inference import Inference, Outcome
from service.lifecycle import Lifecycle
from service.registry import LoadedModel, Registry
from service.scheduling.priority import Priority
from service.tasks.errors import InputError
from service.telemetry.metrics import Metrics

MODEL_PATH = "/v1/models/{model}"
SERVER_TIMING = (
    b"receive;dur=%.3f, parse;dur=%.3f, tokenize;dur=%.3f, queue;dur=%.3f, inference;dur=%.3f, "
    b"decode;dur=%.3f, total;dur=%.3f"
)
"""Milliseconds. The stages follow each other without a gap, from the reading of the request's
header to the writing of the answer's, so that they add up to the total."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a request may be, and how long it may take."""

    body_bytes: int
    receive_seconds: float
    request_seconds: float
    inputs: InputLimits


class Reading(NamedTuple):
    """When the header was read, monotonic seconds; and seconds until the body was there, and until
    it was understood.
    """

    started: float
    receive: float
    parse: float

    @classmethod
    def ended_now(cls, started: float, received: float) -> Self:
        """Of a body that was there at ``received``, monotonic seconds."""
        return cls(started, received - started, time.monotonic() - received)


class InferenceRoutes:
    """Reads a body, has it answered, and writes the answer."""

    def __init__(
        self,
        registry: Registry,
        inference: Inference,
        lifecycle: Lifecycle,
        metrics: Metrics,
        bodies: BodyReader,
        limits: WireLimits,
    ) -> None:
        self._registry = registry
        self._inference = inference
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._bodies = bodies
        self._limits = limits

    def routes(self) -> list[Route]:
        """The routes themselves, for Starlette's router; ``documentation`` describes them."""
        tasks = [Route(f"/v1/{task}", self._task_endpoint(task), methods=["POST"]) for task in Task]
        by_name = InferenceEndpoint(self, MODEL_PATH, self._model_by_name)
        return [*tasks, Route(MODEL_PATH, by_name, methods=["POST"])]

    def documentation(self) -> APIRouter:
        """The same routes for the OpenAPI description; not to be mounted."""
        router = APIRouter(tags=["inference"])
        for task in Task:
            router.add_api_route(
                f"/v1/{task}",
                self._document_task,
                methods=["POST"],
                name=task.value,
                summary=f"Answer with the default {task.value} model",
                responses=responses_of(task),
                openapi_extra=body_of(task) | HEADERS,
            )
        router.add_api_route(
            MODEL_PATH,
            self._document_model,
            methods=["POST"],
            name="model",
            summary="Answer with a model by name; the task follows from the model",
            responses=responses_of(*Task),
            openapi_extra=body_of(*Task) | HEADERS,
        )
        return router

    async def serve(
        self, choose: Callable[[Scope], LoadedModel], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request with the model that ``choose`` finds for its scope."""
        state = scope["state"]
        with self._lifecycle.admitted():
            model = choose(scope)
            state["model"] = model.name
            headers = headers_of(scope)
            timeout_seconds = timeout_of(headers, self._limits.request_seconds)
            priority = priority_of(headers)
            connection = connection_of(scope)
            body = await self._bodies.read(
                headers,
                receive,
                state["started"],
                is_whole=connection.request_is_whole,
                # The caller's patience starts with the request, not with its last byte.
                deadline=state["started"] + timeout_seconds,
            )
            with UnlessCallerLeaves(connection):
                received = time.monotonic()
                parsed = parse(model.manifest.task, body, self._limits.inputs)
                del body  # it may be much larger than its texts, and these may wait
                reading = Reading.ended_now(state["started"], received)
                outcome, described = await self._answer(
                    model, parsed, reading, timeout_seconds, priority, patient=connection.is_patient
                )
            await send_json(send, outcome.result, described)
            self._metrics.stages(model.name, outcome.timings)

    async def _answer(
        self,
        model: LoadedModel,
        parsed: ParsedRequest,
        reading: Reading,
        timeout_seconds: float,
        priority: Priority,
        *,
        patient: bool,
    ) -> tuple[Outcome[bytes], Headers]:
        try:
            outcome = await self._inference.answer(
                model,
                parsed.request,
                reading.started + timeout_seconds,
                lambda result: orjson.dumps(parsed.render(result)),
                priority,
                patient=patient,
            )
        except InputError as error:
            raise refusal(error, parsed) from error
        return outcome, facts_of(model, outcome, reading)

    def _task_endpoint(self, task: Task) -> "InferenceEndpoint":
        return InferenceEndpoint(self, f"/v1/{task}", lambda _: self._registry.default(task))

    def _model_by_name(self, scope: Scope) -> LoadedModel:
        return self._registry.get(scope["path_params"]["model"])

    async def _document_task(self) -> Response:
        raise AssertionError("documentation is not mounted")

    async def _document_model(self, model: str) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {model!r}")


@dataclass(frozen=True, slots=True)
class InferenceEndpoint:
    """The ASGI application of one route, which metrics know as ``route``."""

    routes: InferenceRoutes
    route: str
    choose: Callable[[Scope], LoadedModel]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["state"]["route"] = self.route
        await self.routes.serve(self.choose, scope, receive, send)


def facts_of(model: LoadedModel, outcome: Outcome[Any], reading: Reading) -> Headers:
    """The headers that say who answered, and what it took."""
    whole = time.monotonic() - reading.started
    stages = [
        seconds * 1000 for seconds in (reading.receive, reading.parse, *outcome.timings, whole)
    ]
    return [
        (b"server-timing", SERVER_TIMING % tuple(stages)),
        (b"x-model", model.name.encode()),
        (b"x-model-version", b"%d" % model.manifest.version),
        (b"x-tokens", b"%d" % outcome.tokens),
    ]
