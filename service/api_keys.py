"""The keys of the service's callers, from the file that ``ALBERT_API_KEYS_FILE`` names.

A key is a Bearer token (RFC 6750). The file is read once, at the start; no key is kept, logged or
shown in an error, only its SHA-256 digest is kept. The keys are long random strings, not passwords,
so that a slow hash would add nothing but its cost.
"""

import os
import re
import stat
from hashlib import sha256
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

MIN_KEY_CHARACTERS, MAX_KEY_CHARACTERS = 16, 1024
MAX_FILE_BYTES = 1 << 20
"""As much as a Secret of Kubernetes holds."""

NAME_RULE = "1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit"
KEY_RULE = (
    f"{MIN_KEY_CHARACTERS} to {MAX_KEY_CHARACTERS} letters, digits or -._~+/ with any '=' at the "
    "end"
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class KeysFileError(Exception):
    """A file of keys that the service does not start with."""


class ApiKeys:
    """Who may ask: names by the digests of their keys."""

    def __init__(self, names: dict[bytes, str]) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def name_of(self, token: bytes) -> str | None:
        """Whose key ``token`` is, None if nobody's.

        How long the look-up takes tells nothing of a key: it goes by the digest of what was sent,
        of which no part can be chosen.
        """
        return self._names.get(sha256(token).digest())


def read_keys(path: Path) -> ApiKeys:
    """The keys in the file at ``path``: a line ``name:key`` for each; empty lines, and those that
    begin with ``#``, say nothing.

    Raises KeysFileError, naming file and line and quoting nothing of the line.
    """
    lines = _text_of(path).split("\n")
    names: dict[bytes, str] = {}
    lines_of_names: dict[str, int] = {}
    lines_of_keys: dict[bytes, int] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        try:
            name, key = _parsed(line)
        except ValueError as error:
            raise KeysFileError(f"{path}, line {number}: {error}.") from None
        digest = sha256(key.encode("ascii")).digest()
        if (known := lines_of_names.get(name)) is not None:
            raise KeysFileError(f"{path}, line {number}: its name is that of line {known}.")
        if (known := lines_of_keys.get(digest)) is not None:
            raise KeysFileError(f"{path}, line {number}: its key is that of line {known}.")
        lines_of_names[name] = lines_of_keys[digest] = number
        names[digest] = name
    if not names:
        raise KeysFileError(f"{path} has no key in it; a line is name:key.")
    return ApiKeys(names)


def _parsed(line: str) -> tuple[str, str]:
    """Name and key. Raises ValueError, whose text has nothing of either: they may be the wrong way
    round.
    """
    name, colon, key = (part.strip() for part in line.partition(":"))
    if not colon:
        raise ValueError("it is not name:key")
    if not _NAME.fullmatch(name):
        raise ValueError(f"a name is {NAME_RULE}")
    if not (MIN_KEY_CHARACTERS <= len(key) <= MAX_KEY_CHARACTERS and _TOKEN.fullmatch(key)):
        raise ValueError(f"a key is {KEY_RULE}")
    return name, key


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeysFileError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_FILE_BYTES:
        raise KeysFileError(f"{path} is larger than {MAX_FILE_BYTES} bytes: is it a file of keys?")
    if mode & stat.S_IROTH:
        log.warning("everybody on this machine may read the file of keys", file=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise KeysFileError(f"{path}, line {line}: it is not UTF-8.") from None
