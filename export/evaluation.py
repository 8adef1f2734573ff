"""Reads measured figures, and refuses those that were measured on another file."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from export.errors import ExportRefusedError
from export.text_files import read_bounded
from model_directory.manifest import Figure


class _Evaluation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    figures: tuple[Figure, ...]


def read_evaluation(path: Path, model_sha256: str) -> tuple[Figure, ...]:
    """Return the figures in ``path``, which must have been measured on the file with that digest.

    The file is ``{"model_sha256": …, "figures": [{"dataset", "metric", "value", "examples",
    "source"}, …]}``. ExportRefusedError if it is not, or is about another graph.
    """
    try:
        evaluation = _Evaluation.model_validate_json(read_bounded(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ExportRefusedError(f"{path}: {field or 'content'}: {first['msg']}") from error
    if evaluation.model_sha256 != model_sha256:
        raise ExportRefusedError(
            f"{path} has the figures of another graph: its model_sha256 is not {model_sha256}"
        )
    return evaluation.figures
