"""Lets the event loop go first: threads that compute are nicer than the rest of the process."""

import os
import threading

NICENESS = 5
"""Added to the process's own. With four contexts of 200,000 characters at once on two cores, four
runs of each kind in turn, the p99 of `/health/live` fell from 11 to 8 ms, and its slowest answer
from 42-54 to 30-48 ms."""


OVERTAKEN_NICENESS = 10
"""The same for workers whose runs may be overtaken, by threads that are as nice as the process.
Linux gives those nine times the processor time on the same core: 1024 to 110 (sched(7)). With 15,
which is 28 times, short texts were sooner at 70 % load, and interactive work later beside bulk
(docs/simulation.md).
"""


def give_way() -> None:
    """Let the calling thread go behind the event loop for the rest of its life."""
    _be_nicer(NICENESS)


def be_overtaken() -> None:
    """Let the calling thread, and those that it starts, go behind all others that compute."""
    _be_nicer(OVERTAKEN_NICENESS)


def _be_nicer(by: int) -> None:
    """Needs no privilege; the highest niceness is 19, whatever is asked for."""
    niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + by
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
