"""What a process holds of the machine, as Linux counts it (proc(5))."""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CPUCLOCK_SCHED = 2
"""Linux's clock of a process is its number's complement shifted by three bits, and this: what
clock_getcpuclockid(3) returns, which Python does not offer."""


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Bytes in memory now, by three ways to count.

    ``resident_bytes``: all pages, those shared with other processes included (VmRSS).
    ``proportional_bytes``: each shared page divided by the number of its sharers (PSS).
    ``private_bytes``: pages that no other process has.
    """

    resident_bytes: int
    proportional_bytes: int
    private_bytes: int


def read_memory(process_id: int, proc: Path = PROC) -> ProcessMemory:
    """The memory of a running process of this user, from its ``smaps_rollup``."""
    rollup = (proc / str(process_id) / "smaps_rollup").read_text()
    kibibytes = {
        name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", rollup, re.MULTILINE)
    }
    return ProcessMemory(
        resident_bytes=kibibytes["Rss"] * 1024,
        proportional_bytes=kibibytes["Pss"] * 1024,
        private_bytes=(kibibytes["Private_Clean"] + kibibytes["Private_Dirty"]) * 1024,
    )


def read_voluntary_switches(process_id: int, proc: Path = PROC) -> int:
    """How often the threads that a process has now gave their core up by themselves."""
    total = 0
    for status in (proc / str(process_id) / "task").glob("*/status"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found = re.search(
                r"^voluntary_ctxt_switches:\s+(\d+)$", status.read_text(), re.MULTILINE
            )
            total += int(found[1]) if found else 0
    return total


def read_cpu_seconds(process_id: int) -> float:
    """Processor seconds that a process has used, its threads together, those that ended included.

    Its clock counts nanoseconds, ``/proc`` ticks of 10 ms: too coarse for a process that idles.
    """
    try:
        return time.clock_gettime(~process_id << 3 | CPUCLOCK_SCHED)
    except OSError as error:
        raise ProcessLookupError(f"there is no process {process_id}") from error
