"""The route that answers, ``…/infer``: the way of ``/v1``, with tensors at both ends."""

import math
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.api.answer import Headers, send_body
from service.api.body import JSON, OCTETS, BodyReader
from service.api.caller import UnlessCallerLeaves, connection_of
from service.api.headers import headers_of, priority_of, timeout_of
from service.api.inference_routes import Reading, WireLimits, facts_of
from service.api.open_inference.face import Face
from service.api.open_inference.faces import Faces
from service.api.open_inference.request import HEADER_LENGTH, ParsedInference, parse_inference
from service.api.open_inference.response import Written, write_inference
from service.api.openapi import HEADERS, answer_headers
from service.api.problem_examples import DESCRIPTIONS, REFERENCE, problems_of
from service.api.problems import invalid
from service.api.schemas.open_inference import InferenceRequest, InferenceResponse
from service.inference import Inference, Outcome
from service.lifecycle import Lifecycle
from service.scheduling.priority import Priority
from service.tasks.errors import InputError
from service.telemetry.metrics import Metrics

INFER_PATH = "/v2/models/{model}/infer"
VERSION_PATH = "/v2/models/{model}/versions/{version}/infer"

OCTET_SCHEMA = {
    "type": "string",
    "format": "binary",
    "description": "The JSON, and behind it the tensors that are sent as bytes.",
}
OCTET_REQUEST = (
    '{"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES",'
    '"data":["Great value.","It broke after a week."]}]}'
)
"""JSON alone, so that it is valid without the header that says where bytes begin."""
OCTET_ANSWER = (
    '{"model_name":"sentiment","model_version":"1","outputs":[{"name":"score","datatype":"FP32",'
    '"shape":[1,1],"parameters":{"binary_data_size":4}}]}\x00\x00\x00?'
)
"""Of one score, 0.5."""
SCHEMA = {"schema": {"$ref": REFERENCE.format(model=InferenceRequest.__name__)}}
DESCRIPTION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": SCHEMA,
            "application/octet-stream": {"schema": OCTET_SCHEMA, "example": OCTET_REQUEST},
        },
    },
    "parameters": [
        *HEADERS["parameters"],
        {
            "name": "Inference-Header-Content-Length",
            "in": "header",
            "description": "Bytes of the JSON, where tensors follow it as bytes.",
            "schema": {"type": "integer", "minimum": 0},
        },
    ],
}


class InferRoutes:
    """Reads tensors, has them answered, and writes tensors."""

    def __init__(
        self,
        faces: Faces,
        inference: Inference,
        lifecycle: Lifecycle,
        metrics: Metrics,
        bodies: BodyReader,
        limits: WireLimits,
    ) -> None:
        self._faces = faces
        self._inference = inference
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._bodies = bodies
        self._limits = limits

    def routes(self) -> list[Route]:
        """The routes themselves, for Starlette's router; ``documentation`` describes them."""
        return [
            Route(path, InferEndpoint(self, path), methods=["POST"])
            for path in (INFER_PATH, VERSION_PATH)
        ]

    def documentation(self) -> APIRouter:
        """The same routes for the OpenAPI description; not to be mounted."""
        router = APIRouter(tags=["open inference protocol"])
        answer = {
            "model": InferenceResponse,
            "description": "The answer.",
            "headers": answer_headers("X-Model", "X-Model-Version", "X-Tokens", "Server-Timing"),
            "content": {
                "application/octet-stream": {"schema": OCTET_SCHEMA, "example": OCTET_ANSWER}
            },
        }
        for path, endpoint in (
            (INFER_PATH, self._document_infer),
            (VERSION_PATH, self._document_version),
        ):
            router.add_api_route(
                path,
                endpoint,
                methods=["POST"],
                summary="Answer with a model's texts or tensors",
                responses={**problems_of(*DESCRIPTIONS, also=["header_length"]), 200: answer},
                openapi_extra=DESCRIPTION,
            )
        return router

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state = scope["state"]
        with self._lifecycle.admitted():
            names = scope["path_params"]
            face = self._faces.get(names["model"], names.get("version"))
            state["model"] = face.model.name
            headers = headers_of(scope)
            timeout_seconds = timeout_of(headers, math.inf)
            priority = priority_of(headers)
            connection = connection_of(scope)
            body = await self._bodies.read(
                headers,
                receive,
                state["started"],
                is_whole=connection.request_is_whole,
                deadline=state["started"] + timeout_seconds,
                media_types=(JSON, OCTETS),
            )
            with UnlessCallerLeaves(connection):
                received = time.monotonic()
                parsed = parse_inference(face, body, headers.get(HEADER_LENGTH))
                del body  # it may be much larger than its texts, and these may wait
                reading = Reading.ended_now(state["started"], received)
                outcome, described = await self._answer(
                    face, parsed, reading, timeout_seconds, priority, patient=connection.is_patient
                )
            written = outcome.result
            media_type = JSON
            if written.json_bytes is not None:
                media_type = OCTETS
                described.append((HEADER_LENGTH, b"%d" % written.json_bytes))
            await send_body(send, written.body, media_type, described)
            self._metrics.stages(face.model.name, outcome.timings)

    async def _answer(
        self,
        face: Face,
        parsed: ParsedInference,
        reading: Reading,
        timeout_seconds: float,
        priority: Priority,
        *,
        patient: bool,
    ) -> tuple[Outcome[Written], Headers]:
        asked = parsed.asked
        timeout_seconds = min(timeout_seconds, parsed.timeout_seconds or math.inf)
        if timeout_seconds == math.inf:
            timeout_seconds = self._limits.request_seconds
        try:
            outcome = await self._inference.answer(
                face.model,
                asked.request,
                reading.started + timeout_seconds,
                lambda result: write_inference(face, parsed, asked.tensors(result)),
                parsed.priority or priority,
                patient=patient,
                task=face.task,
            )
        except InputError as error:
            raise invalid([(asked.place(error), error.message)]) from error
        return outcome, facts_of(face.model, outcome, reading)

    async def _document_infer(self, model: str) -> Response:
        raise AssertionError(f"documentation is not mounted, and was asked for {model!r}")

    async def _document_version(self, model: str, version: str) -> Response:
        raise AssertionError(f"documentation is not mounted: {model!r}, {version!r}")


@dataclass(frozen=True, slots=True)
class InferEndpoint:
    """The ASGI application of one route, which metrics know as ``route``."""

    routes: InferRoutes
    route: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["state"]["route"] = self.route
        await self.routes.serve(scope, receive, send)
