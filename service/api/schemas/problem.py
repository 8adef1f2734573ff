"""The body of every error."""

from pydantic import BaseModel


class ErrorPlace(BaseModel):
    """One thing that is wrong with a request, and where."""

    place: str
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it, with ``error`` and ``error_type`` for Hugging Face clients."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    error_type: str
    errors: list[ErrorPlace] = []
