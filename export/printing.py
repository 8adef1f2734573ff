"""Prints what may be read by nobody: a full device or a closed pipe is no reason to fail."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from rich.console import Console


class PatientConsole(Console):
    """A console whose closed pipe is an OSError; rich's own would end the program with status 1."""

    def on_broken_pipe(self) -> None:
        """Called where the pipe is found closed."""
        raise BrokenPipeError


def print_anything() -> None:
    """Have standard output show what its encoding lacks by its number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def even_to_nobody(stream: IO[str] | None) -> Iterator[None]:
    """Around printing to ``stream``: where that fails, the rest of what is printed to it is thrown
    away, by Python at its exit too.
    """
    try:
        yield
    except OSError:
        if stream is not None:
            with suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
