"""What clients of the Open Inference Protocol ask before they infer: health, metadata, and of
Triton's extensions the configuration of a model and the index of all.
"""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from service.api.body import JSON, OCTETS, BodyReader
from service.api.caller import connection_of
from service.api.headers import headers_of
from service.api.open_inference.face import Face, version_of
from service.api.open_inference.faces import Faces
from service.api.problem_examples import problems_of
from service.api.problems import of_validation_error
from service.api.schemas.open_inference import (
    ModelConfig,
    ModelMetadata,
    ModelReady,
    RepositoryIndexEntry,
    RepositoryIndexRequest,
    ServerLive,
    ServerMetadata,
    ServerReady,
    TensorConfig,
    TensorMetadata,
)
from service.api.translation import parse_json
from service.lifecycle import Lifecycle, Phase
from service.registry import Registry
from service.tensors.tensor import Datatype, TensorSpec

EXTENSIONS = ["binary_tensor_data", "model_configuration", "schedule_policy"]
CONFIG_TYPES = {
    Datatype.BYTES: "TYPE_STRING",
    Datatype.INT64: "TYPE_INT64",
    Datatype.FP32: "TYPE_FP32",
}
INDEX_BYTES, INDEX_SECONDS = 64 * 1024, 10.0
"""Bounds of the body of a question for the index."""

NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "model": ServerReady,
        "description": "Not now; ``reasons`` says why.",
        "content": {"application/json": {"example": {"ready": False, "reasons": ["starting"]}}},
    }
}


class MetadataRoutes:
    """Describes the server and its models."""

    def __init__(
        self, faces: Faces, registry: Registry, lifecycle: Lifecycle, version: str
    ) -> None:
        self._faces = faces
        self._registry = registry
        self._lifecycle = lifecycle
        self._version = version
        self._bodies = BodyReader(INDEX_BYTES, INDEX_SECONDS)

    def router(self) -> APIRouter:
        """The routes, documented."""
        router = APIRouter(tags=["open inference protocol"])
        router.add_api_route("/v2", self.server, methods=["GET"])
        router.add_api_route("/v2/health/live", self.live, methods=["GET"])
        router.add_api_route(
            "/v2/health/ready",
            self.ready,
            methods=["GET"],
            response_model=ServerReady,
            responses=NOT_READY,
        )
        for path, endpoint, versioned in (
            ("", self.model, self.model_version),
            ("/ready", self.model_ready, self.model_version_ready),
            ("/config", self.config, self.version_config),
        ):
            for prefix, function in (
                ("/v2/models/{model}", endpoint),
                ("/v2/models/{model}/versions/{version}", versioned),
            ):
                router.add_api_route(
                    prefix + path, function, methods=["GET"], responses=problems_of(404, 503)
                )
        router.add_api_route(
            "/v2/repository/index",
            self.index,
            methods=["POST"],
            responses=problems_of(400, 408, 413, 415, 422, 501),
            openapi_extra={
                "requestBody": {
                    "required": False,
                    "content": {
                        "application/json": {
                            "schema": RepositoryIndexRequest.model_json_schema(),
                            "example": {"ready": True},
                        }
                    },
                }
            },
        )
        return router

    async def server(self) -> ServerMetadata:
        """What serves here."""
        return ServerMetadata(name="albert-serve", version=self._version, extensions=EXTENSIONS)

    async def live(self) -> ServerLive:
        """The process is alive."""
        return ServerLive(live=True)

    async def ready(self) -> Response:
        """Requests may be sent here now; as ``/health/ready``."""
        phase = self._lifecycle.phase
        reasons = [phase.value] if phase is not Phase.SERVING else self._registry.missing()
        body = ServerReady(ready=not reasons, reasons=reasons).model_dump()
        return JSONResponse(body, 503 if reasons else 200)

    async def model(self, model: str) -> ModelMetadata:
        """What a model takes and gives."""
        return _metadata(self._faces.get(model))

    async def model_version(self, model: str, version: str) -> ModelMetadata:
        """The same, if the version is the one that is loaded."""
        return _metadata(self._faces.get(model, version))

    async def model_ready(self, model: str) -> ModelReady:
        """A model answers."""
        return self._ready(model, None)

    async def model_version_ready(self, model: str, version: str) -> ModelReady:
        """A version of a model answers."""
        return self._ready(model, version)

    async def config(self, model: str) -> ModelConfig:
        """What Triton's tools ask of a model."""
        return _config(self._faces.get(model))

    async def version_config(self, model: str, version: str) -> ModelConfig:
        """The same, if the version is the one that is loaded."""
        return _config(self._faces.get(model, version))

    async def index(self, request: Request) -> list[RepositoryIndexEntry]:
        """All models, under all their names, and those that failed to load."""
        body = await self._bodies.read(
            headers_of(request.scope),
            request.receive,
            request.scope["state"]["started"],
            is_whole=connection_of(request.scope).request_is_whole,
            media_types=(JSON, OCTETS),
        )
        asked = RepositoryIndexRequest()
        if body.strip():
            try:
                asked = RepositoryIndexRequest.model_validate(parse_json(body))
            except ValidationError as error:
                raise of_validation_error(
                    error, lambda _: RepositoryIndexRequest.model_fields
                ) from error
        entries = [
            RepositoryIndexEntry(name=face.name, version=version_of(face), state="READY", reason="")
            for face in self._faces.all()
        ]
        if not asked.ready:
            entries += [
                RepositoryIndexEntry(
                    name=failed.name,
                    version=str(failed.version),
                    state="UNAVAILABLE",
                    reason=failed.reason,
                )
                for failed in self._registry.failed
            ]
        return sorted(entries, key=lambda entry: entry.name)

    def _ready(self, model: str, version: str | None) -> ModelReady:
        self._lifecycle.check_serving()
        return ModelReady(name=self._faces.get(model, version).name)


def _metadata(face: Face) -> ModelMetadata:
    return ModelMetadata(
        name=face.name,
        versions=[version_of(face)],
        platform=face.platform,
        inputs=[_tensor(spec) for spec in face.inputs],
        outputs=[_tensor(spec) for spec in face.outputs],
    )


def _tensor(spec: TensorSpec) -> TensorMetadata:
    return TensorMetadata(name=spec.name, datatype=spec.datatype, shape=list(spec.shape))


def _config(face: Face) -> ModelConfig:
    """Batches are formed across callers, so there is dynamic batching, of no setting."""
    return ModelConfig(
        name=face.name,
        platform=face.platform,
        max_batch_size=face.inputs[0].most[0],
        input=[_tensor_config(spec) for spec in face.inputs],
        output=[_tensor_config(spec) for spec in face.outputs],
        dynamic_batching={},
        model_transaction_policy={"decoupled": False},
    )


def _tensor_config(spec: TensorSpec) -> TensorConfig:
    return TensorConfig(
        name=spec.name,
        data_type=CONFIG_TYPES[spec.datatype],
        dims=list(spec.shape[1:]),
        optional=spec.optional,
    )
