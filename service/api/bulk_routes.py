"""Bulk: lines of JSON in, lines of JSON out, each the body and the answer of one request, streamed
both ways at low priority.

Line n of the answer belongs to line n of the upload, so whoever has read n whole lines goes on with
``from_line=n+1``. A stream that ends before the upload was answered is cut, not finished: HTTP/1.1
tells the caller, and what it has read is good.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Query
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from model_directory.manifest import Task
from service.api.answer import AnswerStalledError, Headers, StreamedAnswer
from service.api.body import NDJSON, check_ndjson
from service.api.bulk_upload import BulkUpload
from service.api.caller import Connection, UnlessCallerLeaves, connection_of
from service.api.headers import headers_of, timeout_of
from service.api.inference_routes import WireLimits
from service.api.lines import Line, LineSplitter, UploadStalledError, uploaded_lines
from service.api.openapi import BULK_ANSWER, TIMING_HEADERS, bulk_body_of
from service.api.ordered import OrderedAnswers
from service.api.problem_examples import problems_of
from service.api.problems import RETRY_AFTER, ProblemError, invalid
from service.inference import Inference
from service.lifecycle import DrainingError, Lifecycle
from service.registry import LoadedModel, Registry
from service.scheduling.errors import ClosedError
from service.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

BULK_PATH = "/v1/bulk"
BULK_MODEL_PATH = "/v1/bulk/models/{model}"
FROM_LINE = "from_line"

MOST_UPLOADS = 32
"""At once: each holds some hundred kilobytes, and a few megabytes where answers are long."""

UPLOAD_RETRY_SECONDS = 10

FirstLine = Annotated[
    int,
    Query(
        ge=1,
        le=999_999_999_999_999,
        description="The line to begin with; those before it are not answered.",
        examples=[1],
    ),
]


class BulkRoutes:
    """Answers uploads."""

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
        self._uploads = 0

    def routes(self) -> list[Route]:
        """The routes themselves, for Starlette's router; ``documentation`` describes them."""
        endpoints = [
            BulkEndpoint(self, f"{BULK_PATH}/{task}", self._default_of(task)) for task in Task
        ]
        endpoints.append(BulkEndpoint(self, BULK_MODEL_PATH, self._by_name))
        return [Route(endpoint.route, endpoint, methods=["POST"]) for endpoint in endpoints]

    def documentation(self) -> APIRouter:
        """The same routes for the OpenAPI description; not to be mounted."""
        router = APIRouter(tags=["bulk"])
        for task in Task:
            router.add_api_route(
                f"{BULK_PATH}/{task}",
                self._document_task,
                methods=["POST"],
                name=f"bulk-{task.value}",
                summary=f"Answer a file of requests with the default {task.value} model",
                response_class=Response,
                responses=BULK_ANSWER | problems_of(404, 408, 415, 422, 429, 500, 501, 503),
                openapi_extra=bulk_body_of(task) | TIMING_HEADERS,
            )
        router.add_api_route(
            BULK_MODEL_PATH,
            self._document_model,
            methods=["POST"],
            name="bulk-model",
            summary="Answer a file of requests with a model by name",
            response_class=Response,
            responses=BULK_ANSWER | problems_of(404, 408, 415, 422, 429, 500, 501, 503),
            openapi_extra=bulk_body_of(*Task) | TIMING_HEADERS,
        )
        return router

    async def serve(
        self, choose: Callable[[Scope], LoadedModel], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one upload with the model that ``choose`` finds for its scope."""
        with self._lifecycle.admitted():
            model = choose(scope)
            scope["state"]["model"] = model.name
            headers = headers_of(scope)
            check_ndjson(headers)
            limits = self._limits
            upload = BulkUpload(
                model,
                self._inference,
                self._metrics,
                scope["state"]["request_id"],
                timeout_of(headers, limits.request_seconds),
                limits.body_bytes,
                limits.inputs,
            )
            splitter = LineSplitter(limits.body_bytes, _from_line(scope["query_string"]))
            lines = uploaded_lines(receive, splitter, limits.receive_seconds)
            connection = connection_of(scope)
            with self._one_more(), UnlessCallerLeaves(connection):
                connection.stream_request()
                await self._stream(upload, lines, connection, StreamedAnswer(send, _headers(model)))

    async def _stream(
        self,
        upload: BulkUpload,
        lines: AsyncIterator[Line],
        connection: Connection,
        answer: StreamedAnswer,
    ) -> None:
        answers = OrderedAnswers(upload.answer, answer.write)
        try:
            with self._lifecycle.telling_of_drain(answers.stop):
                is_whole = await answers.run(lines)
            if not is_whole:
                raise DrainingError("The service is shutting down; ask another replica.")
            await answer.finish()
        except (UploadStalledError, AnswerStalledError, DrainingError, ClosedError) as error:
            if not answer.has_started:
                raise _refusal(error) from error
            log.info(
                "a bulk upload was cut short",
                request_id=upload.request_id,
                model=upload.model.name,
                lines=answers.written,
                reason=str(error),
            )
            connection.cut(at_once=isinstance(error, AnswerStalledError))

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        if self._uploads >= MOST_UPLOADS:
            raise ProblemError(
                429,
                "overloaded",
                f"The service answers {MOST_UPLOADS} bulk uploads at once and no more.",
                headers={RETRY_AFTER: str(UPLOAD_RETRY_SECONDS)},
            )
        self._uploads += 1
        self._metrics.bulk_upload_started()
        try:
            yield
        finally:
            self._uploads -= 1
            self._metrics.bulk_upload_ended()

    def _default_of(self, task: Task) -> Callable[[Scope], LoadedModel]:
        return lambda _: self._registry.default(task)

    def _by_name(self, scope: Scope) -> LoadedModel:
        return self._registry.get(scope["path_params"]["model"])

    async def _document_task(self, from_line: FirstLine = 1) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {from_line}")

    async def _document_model(self, model: str, from_line: FirstLine = 1) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {model, from_line}")


@dataclass(frozen=True, slots=True)
class BulkEndpoint:
    """The ASGI application of one route, which metrics know as ``route``."""

    routes: BulkRoutes
    route: str
    choose: Callable[[Scope], LoadedModel]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one upload."""
        scope["state"]["route"] = self.route
        await self.routes.serve(self.choose, scope, receive, send)


def _headers(model: LoadedModel) -> Headers:
    return [
        (b"content-type", NDJSON[0]),
        (b"x-model", model.name.encode()),
        (b"x-model-version", b"%d" % model.manifest.version),
    ]


def _from_line(query: bytes) -> int:
    """The line to begin with. Raises ProblemError, 422."""
    first = 1
    text = query.decode("latin-1")
    for name, value in parse_qsl(text, keep_blank_values=True, encoding="latin-1"):
        if name != FROM_LINE:
            raise invalid([("query", f"The only parameter of this route is {FROM_LINE}.")])
        if not re.fullmatch("[0-9]{1,15}", value) or int(value) < 1:
            raise invalid([(f"query.{FROM_LINE}", "It must be a line's number, counted from 1.")])
        first = int(value)
    return first


def _refusal(error: Exception) -> Exception:
    """What to answer where nothing was written yet."""
    if isinstance(error, UploadStalledError):
        return ProblemError(408, "receive_timeout", str(error), headers={"Connection": "close"})
    return error
