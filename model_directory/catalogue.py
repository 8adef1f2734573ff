"""Lists what a models directory holds: each name, and its versions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model_directory.errors import ModelDirectoryError
from model_directory.integrity import VERSION_PATTERN
from model_directory.manifest import is_model_name


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The served version of one name; nothing of it has been read yet."""

    name: str
    version: int
    directory: Path


def list_models(
    models: Path, passed_over: Callable[[str, str], None] = lambda name, reason: None
) -> tuple[CatalogueEntry, ...]:
    """Each name under ``models`` with its highest version, sorted by name.

    Names that begin with a dot, such as what an interrupted export left, and version directories
    whose name is not a positive integer are passed over. So are directories that cannot be looked
    at and those whose name cannot be a model's: ``passed_over`` is told name and reason. Raises
    ModelDirectoryError when ``models`` is not a directory that can be read.
    """
    try:
        names = sorted(entry.name for entry in models.iterdir())
    except OSError as error:
        raise ModelDirectoryError(
            f"cannot read the models directory {models}: {_reason(error)}"
        ) from error
    entries = []
    for name in names:
        if name.startswith("."):
            continue
        try:
            if (models / name).is_dir() and not is_model_name(name):
                passed_over(name, "the name cannot be a model's")
                continue
            versions = list_versions(models, name)
        except OSError as error:
            passed_over(name, _reason(error))
            continue
        if versions:
            entries.append(CatalogueEntry(name, versions[-1], models / name / str(versions[-1])))
    return tuple(entries)


def list_versions(models: Path, name: str) -> list[int]:
    """Return the versions of ``name`` under ``models``, lowest first.

    One that cannot be looked at is a version too: whoever opens it is told why it cannot be had.
    OSError when ``name`` itself cannot be looked at.
    """
    directory = models / name
    if not directory.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in directory.iterdir()
        if re.fullmatch(VERSION_PATTERN, entry.name) and _may_be_directory(entry)
    )


def _may_be_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
