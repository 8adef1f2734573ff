"""Lists what a models directory holds: each name, and its versions."""

import re
from dataclasses import dataclass
from pathlib import Path

from model_directory.errors import ModelDirectoryError
from model_directory.integrity import VERSION_PATTERN


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The served version of one name; nothing of it has been read yet."""

    name: str
    version: int
    directory: Path


def list_models(models: Path) -> tuple[CatalogueEntry, ...]:
    """Each name under ``models`` with its highest version, sorted by name.

    Names that begin with a dot, such as what an interrupted export left, and version directories
    whose name is not a positive integer are passed over. Raises ModelDirectoryError when
    ``models`` is not a directory that can be read.
    """
    try:
        names = sorted(entry.name for entry in models.iterdir() if entry.is_dir())
        found = [(name, list_versions(models, name)) for name in names if not name.startswith(".")]
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelDirectoryError(f"cannot read the models directory {models}: {reason}") from error
    return tuple(
        CatalogueEntry(name, versions[-1], models / name / str(versions[-1]))
        for name, versions in found
        if versions
    )


def list_versions(models: Path, name: str) -> list[int]:
    """Return the versions of ``name`` under ``models``, lowest first."""
    directory = models / name
    if not directory.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in directory.iterdir()
        if re.fullmatch(VERSION_PATTERN, entry.name) and entry.is_dir()
    )
