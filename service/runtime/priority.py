"""Lets the event loop go first: threads that compute are nicer than the rest of the process."""

import os
import threading

NICENESS = 5
"""Added to the process's own. With four contexts of 200,000 characters at once on two cores, four
runs of each kind in turn, the p99 of `/health/live` fell from 11 to 8 ms, and its slowest answer
from 42-54 to 30-48 ms."""


OVERTAKEN_NICENESS = 15
"""The same for workers whose runs may be overtaken, by threads that are as nice as the process.
Linux gives those 28 times the processor time on the same core: 1024 to 36 (sched(7)). What
overtakes on every core stands still on all of them while one is given to something else: with 10,
which is nine times, eight callers were answered 32.6 texts/s, with 15 33.6 (a one-off script, in
turn). Beside other programs that are not in a control group of their own, nicer is slower.
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
