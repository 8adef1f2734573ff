"""Reads a checkpoint's tokenizer in a process of its own, under limits of time and memory.

A tokenizer is a program in all but name: patterns that backtrack, steps that multiply text, tables
of any size. What ends well here under the limits ends well in the exporter too; what does not takes
down a process that holds nothing.
"""

import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from export.errors import ExportRefusedError

_CPU_SECONDS = 40
_WALL_SECONDS = 600  # only for a machine that is too busy to give out the CPU seconds
_MEMORY_BYTES = 3 << 30
_MOST_PRINTED = 4_000

# The answer: that what is needed has been imported, and how the request ended.
_STARTED, _DONE, _REFUSED, _OUT_OF_MEMORY = b".", b"+", b"-", b"!"
# How the kernel ends a process that is over a limit, and how the tokenizers library ends on a file
# that it does not survive.
_LIMITING = (signal.SIGKILL, signal.SIGXCPU)
_CRASHING = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)
_FAILED_ALLOCATION = "memory allocation of"  # Rust's last words before SIGABRT

# Isolated, so that neither the working directory, which may be the checkpoint's, nor a variable of
# the environment says which modules are imported: the search path is handed over.
_COMMAND = (
    "-I",
    "-c",
    "import sys; sys.path = sys.argv[1:]; import export.confined as c; c.main()",
)


class ConfinedProcessError(RuntimeError):
    """The process failed for a reason of its own: a fault of ours or of this machine."""


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """The bytes of a checkpoint's tokenizer files, empty for those that it has not."""

    tokenizer: bytes = b""
    sentencepiece: bytes = b""
    config: bytes = b""

    @property
    def name(self) -> str:
        """The file that the tokenizer is made of."""
        return "tokenizer.json" if self.tokenizer else "spiece.model"


def confined_tokenizer(files: TokenizerFiles) -> bytes:
    """Return a ``tokenizer.json`` that has been loaded and tried.

    It is the checkpoint's own, or made of its ``spiece.model`` where it has no other.
    ExportRefusedError, in one sentence, if it is not sound or needs more than the limits;
    ConfinedProcessError, with what the process printed, if that is not what it failed of.
    """
    blobs: tuple[bytes, ...] = astuple(files)
    request = b"".join((struct.pack("<3Q", *map(len, blobs)), *blobs))
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "RUST_BACKTRACE": "0",
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        done = subprocess.run(
            [sys.executable, *_COMMAND, *_search_path()],
            input=request,
            capture_output=True,
            env=environment,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much(files) from error
    except OSError as error:
        raise ConfinedProcessError(f"cannot run {sys.executable}: {error.strerror}") from error
    return _content(done, files)


def _search_path() -> list[str]:
    """Return where this process finds modules, but for entries that the working directory moves.

    In the place of those stands the directory that this package was found in.
    """
    home = str(Path(__file__).resolve().parents[1])
    return [*(entry if os.path.isabs(entry) else home for entry in sys.path), home]


def _content(done: subprocess.CompletedProcess[bytes], files: TokenizerFiles) -> bytes:
    """Return the tokenizer of a process that has ended; the errors of confined_tokenizer."""
    printed = done.stderr.decode("utf-8", "replace")
    started, ending, content = done.stdout[:1], done.stdout[1:2], done.stdout[2:]
    if started != _STARTED:
        raise _failed(done, printed)
    if done.returncode == 0 and ending == _DONE:
        return content
    if done.returncode == 0 and ending == _REFUSED:
        raise ExportRefusedError(content.decode("utf-8", "replace"))
    ended_by = -done.returncode
    if ending == _OUT_OF_MEMORY or ended_by in _LIMITING or _FAILED_ALLOCATION in printed:
        raise _too_much(files)
    if ended_by in _CRASHING:
        name = signal.Signals(ended_by).name
        raise ExportRefusedError(
            f"{files.name} cannot be loaded: the tokenizers library ends with {name} on it"
        )
    raise _failed(done, printed)


def _too_much(files: TokenizerFiles) -> ExportRefusedError:
    limits = f"{_CPU_SECONDS} s or {_MEMORY_BYTES >> 30} GiB"
    return ExportRefusedError(f"{files.name} takes more than {limits} to load and try")


def _failed(done: subprocess.CompletedProcess[bytes], printed: str) -> ConfinedProcessError:
    return ConfinedProcessError(
        f"the process that tries tokenizers ended with status {done.returncode}: "
        f"{printed[-_MOST_PRINTED:].strip() or 'it printed nothing'}"
    )


def main() -> None:
    """Answer one request on standard input; what it needs is imported under the limits."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, _CPU_SECONDS)
    sizes = struct.unpack("<3Q", sys.stdin.buffer.read(24))
    files = TokenizerFiles(*(sys.stdin.buffer.read(size) for size in sizes))
    reading = _reading(files)
    answer = sys.stdout.buffer
    answer.write(_STARTED)
    answer.flush()
    try:
        content = reading()
    except ExportRefusedError as error:
        answer.write(_REFUSED + str(error).encode("utf-8", "replace"))
    except MemoryError:
        answer.write(_OUT_OF_MEMORY)
    else:
        answer.write(_DONE + content)


def _reading(files: TokenizerFiles) -> Callable[[], bytes]:
    """Import what the files need, and return what is to be done with them."""
    from export.tokenizer_trial import try_tokenizer

    if files.tokenizer:
        return lambda: try_tokenizer(files.tokenizer)
    from export.sentencepiece_tokenizer import convert_sentencepiece

    return lambda: try_tokenizer(convert_sentencepiece(files.sentencepiece, files.config or None))


def _limit(kind: int, most: int) -> None:
    """Lower a limit; one that is lower already stays, because it cannot be raised."""
    _, hard = resource.getrlimit(kind)
    lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (lowest, lowest))
