"""What the service says of its models and of its health."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from model_directory.manifest import (
    Agreement,
    Architecture,
    Figure,
    Parity,
    ProblemType,
    Quantisation,
    Speed,
    Task,
)

_READY: dict[str, Any] = {
    "name": "sentiment",
    "version": 1,
    "status": "ready",
    "task": "sentiment",
    "default": True,
    "labels": ["negative", "positive"],
    "problem_type": "single_label_classification",
    "precision": "fp32",
    "device": "cpu",
    "limits": {
        "max_tokens": 512,
        "max_inputs": 256,
        "max_characters": 200_000,
        "max_body_bytes": 2_097_152,
    },
    "evaluation": [{"dataset": "a test set", "metric": "accuracy", "value": 0.9, "examples": 1000}],
    "licence": "Apache-2.0",
    "load_seconds": 0.1,
}
_FAILED: dict[str, Any] = {
    "name": "topics",
    "version": 1,
    "status": "failed",
    "task": "classification",
    "reason": "The files are whole, but the model cannot be loaded; the log has the cause.",
    "default": False,
}


class Limits(BaseModel):
    """What one request may be."""

    max_tokens: int
    max_inputs: int
    max_characters: int
    max_body_bytes: int


class ModelDescription(BaseModel):
    """A model of this service. A failed one has ``reason``, a ready one everything else."""

    model_config = ConfigDict(json_schema_extra={"examples": [_READY, _FAILED]})

    name: str
    version: int
    status: Literal["ready", "failed"]
    task: Task | None = None
    reason: str | None = None
    default: bool = False
    labels: list[str] | None = None
    problem_type: ProblemType | None = None
    precision: str | None = None
    device: str | None = None
    limits: Limits | None = None
    architecture: Architecture | None = None
    parity: Parity | None = None
    agreement: Agreement | None = None
    quantisation: Quantisation | None = None
    speed: list[Speed] | None = None
    evaluation: list[Figure] | None = None
    source: str | None = None
    licence: str | None = None
    created: datetime | None = None
    load_seconds: float | None = None


class ModelList(BaseModel):
    """All models of this service."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"models": [_READY, _FAILED]}]})

    models: list[ModelDescription]


class Health(BaseModel):
    """``status`` is ``ok`` exactly when the HTTP status is 200."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "reasons": []}]})

    status: Literal["ok", "starting", "draining", "unavailable"]
    reasons: list[str] = []
