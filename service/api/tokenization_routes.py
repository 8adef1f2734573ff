"""Beside each inference route, one that tokenises its requests: so that a caller can count before
paying, and see where a long text would be cut.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from model_directory.manifest import Task
from service.api.answer import AnswerStalledError, Headers, StreamedAnswer
from service.api.body import BodyReader
from service.api.caller import UnlessCallerLeaves, connection_of
from service.api.headers import headers_of, timeout_of
from service.api.inference_routes import MODEL_PATH, WireLimits
from service.api.openapi import TIMING_HEADERS, answer_headers, body_of
from service.api.problem_examples import problems_of
from service.api.schemas import TokenizedRequest
from service.api.translation import ParsedRequest, parse, refusal
from service.lifecycle import Lifecycle
from service.registry import LoadedModel, Registry
from service.tasks.errors import InputError
from service.tasks.tokenization import TokenizedInput
from service.tokenization import Tokenization

SUFFIX = "/tokenize"
COUNTED: dict[int | str, dict[str, Any]] = {
    200: {"headers": answer_headers("X-Model", "X-Model-Version", "X-Tokens")}
}


class TokenizationRoutes:
    """Reads a body as the inference route beside it does, and writes its tokens."""

    def __init__(
        self,
        registry: Registry,
        tokenization: Tokenization,
        lifecycle: Lifecycle,
        bodies: BodyReader,
        limits: WireLimits,
    ) -> None:
        self._registry = registry
        self._tokenization = tokenization
        self._lifecycle = lifecycle
        self._bodies = bodies
        self._limits = limits

    def routes(self) -> list[Route]:
        """The routes themselves, for Starlette's router; ``documentation`` describes them."""
        endpoints = [self._task_endpoint(task) for task in Task]
        endpoints.append(
            TokenizationEndpoint(
                self, MODEL_PATH + SUFFIX, lambda scope: self._get(scope["path_params"]["model"])
            )
        )
        return [Route(endpoint.route, endpoint, methods=["POST"]) for endpoint in endpoints]

    def documentation(self) -> APIRouter:
        """The same routes for the OpenAPI description; not to be mounted."""
        router = APIRouter(tags=["inference"])
        for task in Task:
            router.add_api_route(
                f"/v1/{task}{SUFFIX}",
                self._document_task,
                methods=["POST"],
                name=f"{task.value}-tokenize",
                summary=f"What a request for {task.value} would be cut into",
                response_model=TokenizedRequest,
                responses=COUNTED
                | problems_of(400, 404, 408, 413, 415, 422, 429, 500, 501, 503, 504),
                openapi_extra=body_of(task) | TIMING_HEADERS,
            )
        router.add_api_route(
            MODEL_PATH + SUFFIX,
            self._document_model,
            methods=["POST"],
            name="model-tokenize",
            summary="What a request for a model by name would be cut into",
            response_model=TokenizedRequest,
            responses=COUNTED | problems_of(400, 404, 408, 413, 415, 422, 429, 500, 501, 503, 504),
            openapi_extra=body_of(*Task) | TIMING_HEADERS,
        )
        return router

    async def serve(
        self, choose: Callable[[Scope], LoadedModel], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request with the tokenizer of the model that ``choose`` finds."""
        state = scope["state"]
        with self._lifecycle.admitted():
            model = choose(scope)
            state["model"] = model.name
            headers = headers_of(scope)
            deadline = state["started"] + timeout_of(headers, self._limits.request_seconds)
            connection = connection_of(scope)
            body = await self._bodies.read(
                headers,
                receive,
                state["started"],
                is_whole=connection.request_is_whole,
                deadline=deadline,
            )
            parsed = parse(model.manifest.task, body, self._limits.inputs)
            with UnlessCallerLeaves(connection):
                tokens, pieces = await self._tokenize(model, parsed, deadline)
                try:
                    await _send(send, model, tokens, pieces)
                except AnswerStalledError:
                    connection.cut(at_once=True)

    async def _tokenize(
        self, model: LoadedModel, parsed: ParsedRequest, deadline: float
    ) -> tuple[int, AsyncIterator[bytes]]:
        try:
            return await self._tokenization.tokenize(model, parsed.request, deadline, _render)
        except InputError as error:
            raise refusal(error, parsed) from error

    def _task_endpoint(self, task: Task) -> "TokenizationEndpoint":
        return TokenizationEndpoint(
            self, f"/v1/{task}{SUFFIX}", lambda _: self._registry.default(task)
        )

    def _get(self, name: str) -> LoadedModel:
        return self._registry.get(name)

    async def _document_task(self) -> Response:
        raise AssertionError("documentation is not mounted")

    async def _document_model(self, model: str) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {model!r}")


@dataclass(frozen=True, slots=True)
class TokenizationEndpoint:
    """The ASGI application of one route, which metrics know as ``route``."""

    routes: TokenizationRoutes
    route: str
    choose: Callable[[Scope], LoadedModel]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["state"]["route"] = self.route
        await self.routes.serve(self.choose, scope, receive, send)


async def _send(send: Send, model: LoadedModel, tokens: int, pieces: AsyncIterator[bytes]) -> None:
    """Write the answer input by input: all of a long request's tokens would be too much to hold."""
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"x-model", model.name.encode()),
        (b"x-model-version", b"%d" % model.manifest.version),
        (b"x-tokens", b"%d" % tokens),
    ]
    answer = StreamedAnswer(send, headers)
    head = {
        "model": model.name,
        "max_tokens": model.manifest.max_tokens,
        "token_count": tokens,
    }
    before = orjson.dumps(head).removesuffix(b"}") + b',"inputs":['
    async for piece in pieces:
        await answer.write(before + piece)
        before = b","
    await answer.finish(b"]}")


def _render(tokenized: TokenizedInput) -> bytes:
    """One input of the answer, as JSON."""
    rendered: dict[str, Any] = {
        "token_count": tokenized.tokens,
        "texts": [
            {
                "field": field,
                "token_count": len(text),
                "ids": text.token_ids,
                "tokens": text.tokens,
                "offsets": text.offsets,
            }
            for field, text in tokenized.texts.items()
        ],
        "windows": [],
    }
    for window, length in tokenized.windows:
        start, end = tokenized.characters(window)
        rendered["windows"].append(
            {
                "field": window.field,
                "first": window.first,
                "last": window.last,
                "start": start,
                "end": end,
                "token_count": length,
            }
        )
    return orjson.dumps(rendered)
