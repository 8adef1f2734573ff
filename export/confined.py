"""Reads a checkpoint's tokenizer in a process of its own, under limits of time and memory.

A tokenizer is a program in all but name: patterns that backtrack, steps that multiply text, tables
of any size. What ends well here under the limits ends well in the exporter too; what does not takes
down a process that holds nothing.
"""

import os
import resource
import struct
import subprocess
import sys
from dataclasses import astuple, dataclass

from export.errors import ExportRefusedError

_CPU_SECONDS = 60
_WALL_SECONDS = 600  # only for a machine that is too busy to give out the CPU seconds
_MEMORY_BYTES = 3 << 30
_MOST_RESULT_BYTES = 64 << 20  # what the service reads of one tokenizer
_DONE, _REFUSED = b"+", b"-"


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """The bytes of a checkpoint's tokenizer files, empty for those that it has not."""

    tokenizer: bytes = b""
    sentencepiece: bytes = b""
    config: bytes = b""


def confined_tokenizer(files: TokenizerFiles) -> bytes:
    """Return a ``tokenizer.json`` that has been loaded and tried.

    It is the checkpoint's own, or made of its ``spiece.model`` where it has no other.
    ExportRefusedError, in one sentence, if it is not sound or needs more than the limits.
    """
    blobs: tuple[bytes, ...] = astuple(files)
    request = b"".join((struct.pack("<3Q", *map(len, blobs)), *blobs))
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    name = "tokenizer.json" if files.tokenizer else "spiece.model"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "export.confined"],
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much(name) from error
    if done.returncode or done.stdout[:1] not in (_DONE, _REFUSED):
        raise _too_much(name)
    if done.stdout[:1] == _REFUSED:
        raise ExportRefusedError(done.stdout[1:].decode("utf-8", "replace"))
    return done.stdout[1:]


def _too_much(name: str) -> ExportRefusedError:
    return ExportRefusedError(
        f"{name} takes more than {_CPU_SECONDS} s or {_MEMORY_BYTES >> 30} GiB to load and try"
    )


def main() -> None:
    """Answer one request on standard input; what it needs is imported under the limits."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    sizes = struct.unpack("<3Q", sys.stdin.buffer.read(24))
    files = TokenizerFiles(*(sys.stdin.buffer.read(size) for size in sizes))
    try:
        content = _tokenizer(files)
    except ExportRefusedError as error:
        sys.stdout.buffer.write(_REFUSED + str(error).encode("utf-8", "replace"))
    else:
        sys.stdout.buffer.write(_DONE + content)


def _tokenizer(files: TokenizerFiles) -> bytes:
    from export.tokenizer_trial import try_tokenizer

    content = files.tokenizer
    if not content:
        from export.sentencepiece_tokenizer import convert_sentencepiece

        content = convert_sentencepiece(files.sentencepiece, files.config or None)
    if len(content) > _MOST_RESULT_BYTES:
        raise ExportRefusedError(f"the tokenizer is larger than {_MOST_RESULT_BYTES} bytes")
    try_tokenizer(content)
    return content


if __name__ == "__main__":
    main()
