"""What is loaded: every model with its task, labels, limits and measured figures."""

from fastapi import APIRouter

from model_directory.manifest import Task
from service.api.problem_examples import problems_of
from service.api.schemas import Limits, ModelDescription, ModelList
from service.api.translation import InputLimits
from service.registry import (
    FailedModel,
    LoadedModel,
    ModelUnavailableError,
    NoSuchModelError,
    Registry,
)


class ModelRoutes:
    """Describes the models of a registry."""

    def __init__(self, registry: Registry, limits: InputLimits, body_bytes: int) -> None:
        self._registry = registry
        self._limits = limits
        self._body_bytes = body_bytes

    def router(self) -> APIRouter:
        """The routes, documented."""
        router = APIRouter(tags=["models"])
        router.add_api_route(
            "/v1/models",
            self.list,
            methods=["GET"],
            response_model_exclude_none=True,
            summary="All models",
        )
        router.add_api_route(
            "/v1/models/{model}",
            self.one,
            methods=["GET"],
            response_model_exclude_none=True,
            summary="One model",
            responses=problems_of(404),
        )
        return router

    async def list(self) -> ModelList:
        """Every model that is served, and every one that could not be loaded, with the reason."""
        described = [self._describe(model) for model in self._registry.loaded]
        described += [_describe_failed(model) for model in self._registry.failed]
        return ModelList(models=sorted(described, key=lambda model: model.name))

    async def one(self, model: str) -> ModelDescription:
        """The model of that name."""
        for failed in self._registry.failed:
            if failed.name == model:
                return _describe_failed(failed)
        return self._describe(self._registry.get(model))

    def _describe(self, model: LoadedModel) -> ModelDescription:
        manifest = model.manifest
        return ModelDescription(
            name=manifest.name,
            version=manifest.version,
            status="ready",
            task=manifest.task,
            default=self._is_default(model, manifest.task),
            labels=list(manifest.labels) or None,
            problem_type=manifest.problem_type,
            precision=manifest.precision,
            device=model.session.device.name,
            limits=Limits(
                max_tokens=manifest.max_tokens,
                max_inputs=self._limits.max_inputs,
                max_characters=self._limits.max_characters,
                max_body_bytes=self._body_bytes,
            ),
            architecture=manifest.architecture,
            parity=manifest.parity,
            agreement=manifest.agreement,
            quantisation=manifest.quantisation,
            speed=list(manifest.speed) or None,
            evaluation=list(manifest.evaluation),
            source=manifest.source,
            licence=manifest.licence,
            created=manifest.created,
            load_seconds=model.load_seconds,
        )

    def _is_default(self, model: LoadedModel, task: Task) -> bool:
        try:
            return self._registry.default(task) is model
        except (NoSuchModelError, ModelUnavailableError):
            return False


def _describe_failed(model: FailedModel) -> ModelDescription:
    return ModelDescription(
        name=model.name,
        version=model.version,
        status="failed",
        task=model.task,
        reason=model.reason,
    )
