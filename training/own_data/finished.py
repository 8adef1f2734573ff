"""Writes the directory of a finished run: a standard checkpoint, whole or not at all."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.own_data.bad_rows import DataError

CONFIG = "config.json"


def check_free(output: Path, *, overwrite: bool) -> None:
    """DataError if there is something in the way of ``output`` that must not be replaced."""
    if output.is_dir() and not any(output.iterdir()):
        return
    if output.is_dir() and (output / CONFIG).is_file():
        if not overwrite:
            raise DataError(f"{output} is there already: give --overwrite to replace it")
    elif output.exists() or output.is_symlink():
        raise DataError(f"{output} is there already and holds no checkpoint: choose another name")


@contextmanager
def new_directory(output: Path) -> Iterator[Path]:
    """A directory beside ``output`` that takes its place when the block ends without an error."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}-{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        yield partial
        _publish(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, output: Path) -> None:
    if not output.exists():
        os.replace(partial, output)
        return
    before = partial.with_suffix(".replaced")
    os.replace(output, before)
    try:
        os.replace(partial, output)
    except OSError:
        os.replace(before, output)
        raise
    shutil.rmtree(before)


def copy_checkpoint(trained: Path, into: Path, activation: str) -> None:
    """Copies a trained checkpoint, whose activation gets back the name that it had before."""
    for path in trained.iterdir():
        shutil.copyfile(path, into / path.name)
    config = json.loads((into / CONFIG).read_text(encoding="utf-8"))
    config["hidden_act"] = activation
    (into / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
