"""How much of the machine was taken by others while something was measured."""

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Processors:
    """Since some start: wall seconds, processor seconds of all cores that were not idle, and those
    of them that went to this process and its children that have ended.
    """

    wall_seconds: float
    busy_seconds: float
    own_seconds: float
    cores: int

    def others(self, before: "Processors") -> float:
        """The share of all cores that others took since ``before``, 0 to 1."""
        busy = self.busy_seconds - before.busy_seconds - (self.own_seconds - before.own_seconds)
        return max(0.0, busy / ((self.wall_seconds - before.wall_seconds) * self.cores))


def read_processors(stat: Path = STAT, clock: Callable[[], float] = time.monotonic) -> Processors:
    """Now (proc(5)); what a hypervisor gave to others counts as busy."""
    lines = stat.read_text().splitlines()
    user, nice, system, _, _, irq, softirq, steal = map(int, lines[0].split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    cores = sum(line.startswith("cpu") for line in lines) - 1
    return Processors(clock(), busy, own, cores)
