"""Writes a version directory that appears whole or not at all."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from export.errors import ExportRefusedError
from model_directory.catalogue import list_versions
from model_directory.integrity import LARGEST_VERSION
from model_directory.manifest import FileRecord


def choose_version(models: Path, name: str, asked: int | None) -> int:
    """Return the version to write: the one asked for, or one more than the highest.

    ExportRefusedError if it exists already, or is larger than a version may be.
    """
    with _refusing_disk_errors("read", models / name):
        version = asked or max(list_versions(models, name), default=0) + 1
        if version > LARGEST_VERSION:
            raise ExportRefusedError(
                f"{models / name / str(version)} would not be served: versions end at "
                f"{LARGEST_VERSION}"
            )
        if os.path.lexists(models / name / str(version)):
            raise _exists(models / name / str(version))
    return version


class Package:
    """The files of a version directory that is not there yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, content: bytes) -> FileRecord:
        """Write one file to the disk and return its record for the manifest."""
        with open(self.directory / name, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return FileRecord(path=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@contextmanager
def new_package(models: Path, name: str, version: int) -> Iterator[Package]:
    """Open ``models/name/version`` for writing; it appears when the block ends without an error.

    Until then the files are in a hidden directory beside it, which no catalogue lists. An error in
    the block, an interrupt too, removes that directory and the parents that were made for it.
    ExportRefusedError if the disk cannot be written, or if another export made the version first.
    """
    home = models / name
    with _refusing_disk_errors("write to", home), _made_directories(home):
        partial = home / f".{version}-{secrets.token_hex(8)}.partial"
        try:
            partial.mkdir()
            yield Package(partial)
            _sync(partial)
            _publish(partial, home / str(version))
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _sync(home)


def _publish(partial: Path, final: Path) -> None:
    """Rename; POSIX refuses to replace a directory that holds anything, so the first one wins."""
    if final.is_symlink() or final.exists():
        raise _exists(final)
    try:
        partial.rename(final)
    except OSError as error:
        if final.exists():
            raise _exists(final) from error
        raise


@contextmanager
def _made_directories(home: Path) -> Iterator[None]:
    """Make ``home`` and its parents; on an error, remove those that were made and are empty."""
    missing = [path for path in (home, *home.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _refusing_disk_errors(what: str, home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportRefusedError(f"cannot {what} {home}: {reason}") from error


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exists(directory: Path) -> ExportRefusedError:
    return ExportRefusedError(f"{directory} exists already: a version is never overwritten")
