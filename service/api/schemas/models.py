"""What the service says of its models and of its health."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

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


class Limits(BaseModel):
    """What one request may be."""

    max_tokens: int
    max_inputs: int
    max_characters: int
    max_body_bytes: int


class ModelDescription(BaseModel):
    """A model of this service. A failed one has ``reason``, a ready one everything else."""

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

    models: list[ModelDescription]


class Health(BaseModel):
    """``status`` is ``ok`` exactly when the HTTP status is 200."""

    status: Literal["ok", "starting", "draining", "unavailable"]
    reasons: list[str] = []
