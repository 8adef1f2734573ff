"""Keeps what onnxruntime and the C library hold of memory that no model needs small."""

import ctypes
import math
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnxruntime as ort

FIRST_REGION_BYTES = 1 << 19
"""Of the arena, never given back. Nor is a region in which something lives, as the outputs of the
run do that gives back: they lie here if all other regions are larger. A second after a load the
service held 196 MiB, with 4 MiB here 202 to 206 (ALBERT-base's shape, two threads, huge pages), and
lone texts took no longer (one-off scripts, in turns).
"""
MAPPED_BYTES = 1 << 20
"""A block of at least this much is a mapping of its own, gone when it is freed."""

GROWN_BYTES = 16 << 20
"""That are worth giving back: it has to be had again, and a lone text after a second of quiet took
5.78 ms instead of 5.58 where all that was free had been given back (medians of 37 in turn, default
models, a one-off script)."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's ``mallopt``."""


def share_arena() -> None:
    """Have the sessions opened from now on take their memory from one arena. Runs make it grow,
    until ``Session.give_back``: beyond what 200 runs of all shapes made of it, 84 MiB of
    ALBERT-base's shape on two threads, 1,000 more did not.

    What the arena gives back would stay with glibc, which by itself learns from every large block
    that is freed to keep the next one.
    """
    if (mallopt := _of_libc("mallopt")) is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * MAPPED_BYTES)
    where = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    first_region = {"initial_chunk_size_bytes": FIRST_REGION_BYTES}
    ort.create_and_register_allocator(where, ort.OrtArenaCfg(first_region))


def trim() -> None:
    """Have the C library return free memory to the system. Does nothing where it cannot (musl).

    Opening sessions leaves holes that glibc keeps: of ALBERT-base's shape with a second session for
    lone texts, resident memory after the start was 209 MiB without this and 159 with it, and
    275 MiB instead of 312 after 40 batches of all shapes on two threads.
    """
    if (malloc_trim := _of_libc("malloc_trim")) is not None:
        malloc_trim(0)


@cache
def _of_libc(name: str) -> Callable[..., int] | None:
    """Looked up once: each ``CDLL`` is eighteen objects that only the garbage collector frees."""
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return function


class Heap:
    """Gives back what the C library has of free memory, when that may be much."""

    def __init__(self) -> None:
        self._least_bytes = math.inf

    def trim(self) -> None:
        """Give it back."""
        trim()
        self._least_bytes = min(self._least_bytes, resident_bytes())

    def trim_if_grown(self) -> None:
        """Give it back if the process is larger than it was, whatever made it grow: bodies that
        were on their way, connections.
        """
        if resident_bytes() > self._least_bytes + GROWN_BYTES:
            self.trim()


def resident_bytes() -> int:
    """Of this process; 0 where the system does not say as Linux does."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGESIZE")
