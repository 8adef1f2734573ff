"""A process with all its descendants, as Linux counts them (proc(5))."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.process_memory import PROC, ProcessMemory, read_cpu_seconds, read_memory

ENDED = "ZX"
"""States of a process that only its parent has not taken notice of."""
STOPPED = f"{ENDED}T"
"""States in which a process computes nothing until it is continued, if ever."""

POLL_SECONDS = 0.01


def descendants(process_id: int, proc: Path = PROC) -> list[int]:
    """``process_id`` and every process below it, parents before children."""
    children: dict[int, list[int]] = {}
    for stat in proc.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parent = int(_fields(stat)[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [process_id]
    for each in found:  # which grows meanwhile
        found += children.get(each, [])
    return found


def tree_memory(process_id: int, proc: Path = PROC) -> ProcessMemory:
    """The sum over the tree: resident bytes count a page once for each process that has it."""
    held = []
    for each in descendants(process_id, proc):
        with suppress(OSError, KeyError):  # it has ended meanwhile
            held.append(read_memory(each, proc))
    return ProcessMemory(
        sum(each.resident_bytes for each in held),
        sum(each.proportional_bytes for each in held),
        sum(each.private_bytes for each in held),
    )


def tree_cpu_seconds(process_id: int) -> float:
    """Processor seconds of all processes that live."""
    total = 0.0
    for each in descendants(process_id):
        with suppress(OSError):
            total += read_cpu_seconds(each)
    return total


def stop_tree(process_id: int) -> None:
    """Have no process of the tree run until ``continue_tree``; returns when none does, nor one that
    was begotten meanwhile.
    """
    while running := [each for each in descendants(process_id) if _state(each) not in STOPPED]:
        _signal_all(running, signal.SIGSTOP)
        time.sleep(POLL_SECONDS)


def continue_tree(process_id: int) -> None:
    """Undo ``stop_tree``."""
    _signal_all(descendants(process_id), signal.SIGCONT)


def _signal_all(processes: Sequence[int], number: signal.Signals) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, number)


def _state(process_id: int) -> str:
    try:
        return _fields(PROC / str(process_id) / "stat")[0]
    except OSError:
        return ENDED[0]  # it has ended meanwhile


def end_what_is_left(processes: Sequence[tuple[int, str]], proc: Path = PROC) -> None:
    """Kill those of ``processes`` (see ``with_starts``) that still run, and wait for
    their end.
    """
    while left := [each for each, start in processes if _runs(each, start, proc)]:
        for process_id in left:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def with_starts(process_ids: Sequence[int], proc: Path = PROC) -> list[tuple[int, str]]:
    """Each process that lives with the moment of its start, which tells it from a later one of
    the same number.
    """
    found = []
    for process_id in process_ids:
        with suppress(OSError):
            found.append((process_id, _start(process_id, proc)))
    return found


def _runs(process_id: int, start: str, proc: Path) -> bool:
    """Whether it lives, and is not another one under the same number."""
    with suppress(OSError):
        fields = _fields(proc / str(process_id) / "stat")
        return fields[19] == start and fields[0] not in ENDED
    return False


def _start(process_id: int, proc: Path) -> str:
    return _fields(proc / str(process_id) / "stat")[19]


def _fields(stat: Path) -> list[str]:
    """What follows the name of the program, which may hold spaces."""
    text = stat.read_text()
    return text[text.rindex(")") + 2 :].split()
