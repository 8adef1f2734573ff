"""What Hugging Face clients ask for beside an endpoint's URL: ``{inference route}/info`` and
``{inference route}/health``, as text-embeddings-inference answers them.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends

from model_directory.manifest import Manifest, Precision, Task
from service.api.problem_examples import problems_of
from service.api.schemas import Classifier, EndpointInfo, Health
from service.api.translation import InputLimits
from service.lifecycle import Lifecycle
from service.registry import LoadedModel, Registry

DTYPES: dict[Precision, Literal["float32", "float16", "int8"]] = {
    Precision.FP32: "float32",
    Precision.FP16: "float16",
    Precision.INT8: "int8",
}

Choose = Callable[..., Coroutine[Any, Any, LoadedModel]]


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """What a request and a run may be, as ``/info`` tells."""

    inputs: InputLimits
    body_bytes: int
    batch_tokens: int


class EndpointRoutes:
    """Two routes beside each inference route. Where that would refuse any request, being closed or
    without its model, they answer with the error that it would.
    """

    def __init__(
        self, registry: Registry, lifecycle: Lifecycle, limits: EndpointLimits, version: str
    ) -> None:
        self._registry = registry
        self._lifecycle = lifecycle
        self._limits = limits
        self._version = version

    def router(self) -> APIRouter:
        """The routes, documented."""
        router = APIRouter(tags=["endpoints"])
        for task in Task:
            self._add(router, f"/v1/{task}", task.value, self._default_of(task))
        self._add(router, "/v1/models/{model}", "model", self._by_name)
        return router

    def _default_of(self, task: Task) -> Choose:
        async def choose() -> LoadedModel:
            self._lifecycle.check_serving()
            return self._registry.default(task)

        return choose

    async def _by_name(self, model: str) -> LoadedModel:
        self._lifecycle.check_serving()
        return self._registry.get(model)

    def _add(self, router: APIRouter, path: str, name: str, choose: Choose) -> None:
        async def info(chosen: Annotated[LoadedModel, Depends(choose)]) -> EndpointInfo:
            """The model behind this route, the limits on requests and the service's version."""
            return self._describe(chosen)

        async def health(_: Annotated[LoadedModel, Depends(choose)]) -> Health:
            """Requests to this route are taken now."""
            return Health(status="ok")

        for endpoint, summary in ((info, "What answers here"), (health, "Whether it does")):
            router.add_api_route(
                f"{path}/{endpoint.__name__}",
                endpoint,
                methods=["GET"],
                name=f"{name}-{endpoint.__name__}",
                summary=f"{summary}: {path}",
                response_model_exclude_none=True,
                responses=problems_of(404, 503),
            )

    def _describe(self, model: LoadedModel) -> EndpointInfo:
        manifest = model.manifest
        answers = manifest.task is Task.QUESTION_ANSWERING
        return EndpointInfo(
            model_id=manifest.name,
            model_version=manifest.version,
            model_sha=_digest(manifest),
            model_dtype=DTYPES[manifest.precision],
            model_device_type=model.session.device.name,
            model_pipeline_tag="question-answering" if answers else "text-classification",
            model_type=None if answers else {"classifier": _classifier(manifest)},
            task=manifest.task,
            max_input_length=manifest.max_tokens,
            max_client_batch_size=self._limits.inputs.max_inputs,
            max_batch_tokens=self._limits.batch_tokens,
            max_input_characters=self._limits.inputs.max_characters,
            max_body_bytes=self._limits.body_bytes,
            version=self._version,
        )


def _digest(manifest: Manifest) -> str:
    return next(file.sha256 for file in manifest.files if file.path == manifest.model_file)


def _classifier(manifest: Manifest) -> Classifier:
    return Classifier(
        id2label={str(index): label for index, label in enumerate(manifest.labels)},
        label2id={label: index for index, label in enumerate(manifest.labels)},
    )
