"""The directory of a run that is not finished: which run it is, and that it is no other."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training.own_data.bad_rows import DataError
from training.progress import replace_whole

RUN = "run.json"


def open_run(work: Path, identity: Mapping[str, Any], *, start_again: bool) -> bool:
    """Makes ``work`` the directory of this run; whether it was begun before.

    ``identity`` names all that decides what comes out. DataError if ``work`` is of a run with
    another identity, unless ``start_again`` allows to forget that one.
    """
    path = work / RUN
    if path.is_file():
        begun = json.loads(path.read_text(encoding="utf-8"))
        if begun == identity:
            return True
        if not start_again:
            names = begun.keys() | identity.keys()
            other = sorted(name for name in names if begun.get(name) != identity.get(name))
            raise DataError(
                f"{work} holds a run that was begun with another {', '.join(other)}: go on with "
                "that, or forget it with --overwrite"
            )
        shutil.rmtree(work)
    elif work.exists():
        raise DataError(f"{work} is in the way and is not of an unfinished run: remove it")
    content = json.dumps(identity, indent=2) + "\n"

    def write(part: Path) -> None:
        part.write_text(content, encoding="utf-8")

    replace_whole(path, write)
    return False


def digest_of(paths: Iterable[Path]) -> str:
    """One SHA-256 for the contents of files, in this order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
