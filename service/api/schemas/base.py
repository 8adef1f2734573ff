"""What the schemas of all tasks' bodies are made of."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

CONTEXTS = "<contexts>"
TAGS = frozenset({"<text>", "<object>", "<list>", CONTEXTS})
"""Names of the alternatives of ``inputs``: pydantic puts them into error locations, where a caller
must not see them.
"""


def _integral(value: Any) -> Any:
    """JSON has one kind of number: 2.0 is the integer 2 (JSON Schema, 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGRAL = BeforeValidator(_integral)
"""Stands behind the bounds of a strict int: what is before it in an ``Annotated`` is checked after
it, and is in the JSON schema.
"""
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000), INTEGRAL]


def kind_of(value: Any) -> str | None:
    """The tag of the alternative of ``inputs`` that a JSON value is, None for none."""
    if isinstance(value, str):
        return "<text>"
    if isinstance(value, list):
        return "<list>"
    if isinstance(value, dict | BaseModel):
        return "<object>"
    return None


class Body(BaseModel):
    """What a caller sends: no other keys than these."""

    model_config = ConfigDict(extra="forbid", frozen=True)
