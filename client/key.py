"""The key that a service asks for. No argument: those are for everybody on a machine to see."""

import os
import re
from pathlib import Path

from client.errors import UsageError

VARIABLE = "ALBERT_API_KEY"

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750."""


def key_of(file: Path | None) -> str | None:
    """The key in ``file``, else in the environment; None where there is none.

    Raises UsageError, which does not quote it.
    """
    if file is None:
        key, place = os.environ.get(VARIABLE, "").strip(), f"The variable {VARIABLE}"
        if not key:
            return None
    else:
        place = str(file)
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"{file} cannot be read: {reason}.") from error
    if not _TOKEN.fullmatch(key):
        raise UsageError(f"{place} does not hold a key alone: letters, digits and -._~+/ make one.")
    return key
