"""Opens one version of a model, whose files must be what its manifest says."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pydantic import ValidationError

from model_directory.errors import ModelDirectoryError
from model_directory.external_data import refuse_external_data
from model_directory.manifest import MANIFEST_NAME, FileRecord, Manifest

VERSION_PATTERN = r"[1-9][0-9]{0,8}"
LARGEST_VERSION = 999_999_999

_MAX_MANIFEST_BYTES = 1 << 20
_MAX_TOKENIZER_BYTES = 64 << 20
_MAX_GRAPH_BYTES = (2 << 30) - 1  # what one protobuf message can hold
_MAX_ENTRIES = 64
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class VerifiedVersion:
    """A model directory that matches its manifest, and the very bytes that were compared."""

    directory: Path
    manifest: Manifest
    model: bytes
    tokenizer: bytes


def open_version(directory: Path) -> VerifiedVersion:
    """Read and verify ``models/NAME/VERSION``.

    ``model`` and ``tokenizer`` are the bytes whose digests were taken, so a file that is swapped
    after this call changes nothing. Raises ModelDirectoryError, with one sentence that begins with
    ``NAME/VERSION``, when the directory has no manifest, holds other files than the manifest lists
    or files that differ from it, holds or is a symbolic link, carries another name or version than
    the manifest, or when the graph keeps tensors outside its file.
    """
    directory = Path(os.path.abspath(directory))
    label = f"{directory.parent.name}/{directory.name}"
    try:
        return _open(directory)
    except ModelDirectoryError as error:
        raise ModelDirectoryError(f"{label}: {error}") from error
    except OSError as error:
        raise ModelDirectoryError(f"{label}: {error.strerror or error}") from error


def claimed_manifest(directory: Path) -> Manifest | None:
    """What a refused version says of itself, unverified; None when not even that can be read, or
    when it is of a model of another name. Under its own name it claims the route that it had, also
    as a copy under another version: what asks there is told that the model failed.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        manifest = parse_manifest(_manifest_bytes(handle))
        return manifest if manifest.name == directory.parent.name else None
    except (OSError, ModelDirectoryError):
        return None
    finally:
        os.close(handle)


def parse_manifest(content: bytes) -> Manifest:
    """Parse UTF-8 JSON; the ModelDirectoryError of a refusal names the first wrong field."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        where = f" at {place}" if place else ""
        raise ModelDirectoryError(f"{MANIFEST_NAME} is not valid{where}: {first['msg']}") from error


def _open(directory: Path) -> VerifiedVersion:
    if directory.is_symlink() or directory.parent.is_symlink():
        raise ModelDirectoryError("the directory is a symbolic link")
    if re.fullmatch(VERSION_PATTERN, directory.name) is None:
        raise ModelDirectoryError("the directory's name is not a version number")
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelDirectoryError("there is no such directory") from error
    try:
        present = _plain_files(handle)
        if MANIFEST_NAME not in present:
            raise ModelDirectoryError(f"there is no {MANIFEST_NAME}")
        manifest = parse_manifest(_manifest_bytes(handle))
        _check_identity(manifest, directory)
        _check_listing(manifest, present - {MANIFEST_NAME})
        content = {
            record.path: _verified_bytes(handle, record)
            if record.path in (manifest.model_file, manifest.tokenizer_file)
            else _verify(handle, record)
            for record in manifest.files
        }
    finally:
        os.close(handle)
    model, tokenizer = content[manifest.model_file], content[manifest.tokenizer_file]
    refuse_external_data(model)
    return VerifiedVersion(directory, manifest, model, tokenizer)


def _plain_files(handle: int) -> set[str]:
    """Names in the open directory; anything but a plain file is refused."""
    names = set[str]()
    with os.scandir(handle) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise ModelDirectoryError(f"{entry.name!r} is a symbolic link")
            if not entry.is_file(follow_symlinks=False):
                raise ModelDirectoryError(f"{entry.name!r} is not a plain file")
            names.add(entry.name)
            if len(names) > _MAX_ENTRIES:
                raise ModelDirectoryError(f"there are more than {_MAX_ENTRIES} files")
    return names


def _check_identity(manifest: Manifest, directory: Path) -> None:
    if manifest.name != directory.parent.name:
        raise ModelDirectoryError(f"{MANIFEST_NAME} is of a model named {manifest.name!r}")
    if str(manifest.version) != directory.name:
        raise ModelDirectoryError(f"{MANIFEST_NAME} is of version {manifest.version}")


def _check_listing(manifest: Manifest, present: set[str]) -> None:
    listed = {record.path for record in manifest.files}
    if missing := sorted(listed - present):
        raise ModelDirectoryError(f"{missing[0]} is missing")
    if extra := sorted(present - listed):
        raise ModelDirectoryError(f"{extra[0]!r} is not listed in {MANIFEST_NAME}")


def _verified_bytes(handle: int, record: FileRecord) -> bytes:
    limit = _MAX_GRAPH_BYTES if record.path.endswith(".onnx") else _MAX_TOKENIZER_BYTES
    if record.bytes > limit:
        raise ModelDirectoryError(f"{record.path} is larger than {limit} bytes")
    with _open_plain(handle, record.path) as file:
        content = file.read(record.bytes + 1)
    _compare(record, len(content), hashlib.sha256(content).hexdigest())
    return content


def _verify(handle: int, record: FileRecord) -> bytes:
    """Compare a file that nobody needs in memory; returns no bytes."""
    digest, size = hashlib.sha256(), 0
    with _open_plain(handle, record.path) as file:
        while size <= record.bytes and (chunk := file.read(_CHUNK_BYTES)):
            digest.update(chunk)
            size += len(chunk)
    _compare(record, size, digest.hexdigest())
    return b""


def _manifest_bytes(handle: int) -> bytes:
    with _open_plain(handle, MANIFEST_NAME) as file:
        content = file.read(_MAX_MANIFEST_BYTES + 1)
    if len(content) > _MAX_MANIFEST_BYTES:
        raise ModelDirectoryError(f"{MANIFEST_NAME} is larger than {_MAX_MANIFEST_BYTES} bytes")
    return content


def _open_plain(handle: int, name: str) -> BufferedReader:
    """Open a file of the directory, and refuse what was swapped for a link or a pipe meanwhile."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ModelDirectoryError(f"{name!r} is not a plain file")
    return open(descriptor, "rb")


def _compare(record: FileRecord, size_bytes: int, sha256: str) -> None:
    if size_bytes > record.bytes:
        raise ModelDirectoryError(
            f"{record.path} has more bytes than the {record.bytes} {MANIFEST_NAME} says"
        )
    if size_bytes < record.bytes:
        raise ModelDirectoryError(
            f"{record.path} has {size_bytes} bytes, {MANIFEST_NAME} says {record.bytes}"
        )
    if sha256 != record.sha256:
        raise ModelDirectoryError(f"{record.path} differs from its SHA-256 in {MANIFEST_NAME}")
