"""Lets the event loop go first: threads that compute are nicer than the rest of the process."""

import os
import threading

NICENESS = 5
"""Added to the process's own. With four contexts of 200,000 characters at once on two cores, four
runs of each kind in turn, the p99 of `/health/live` fell from 11 to 8 ms, and its slowest answer
from 42-54 to 30-48 ms."""


OVERTAKEN_NICENESS = 15
"""The same for workers whose runs may be overtaken, by threads that are as nice as the process.
Linux gives those 28 times the processor time on the same core: 1024 to 36 (sched(7)). With 10,
which is nine times, short texts took longer at 70 % load, because a run on every core stands still
while one of them is given to another thread (docs/decisions/scheduling.md). Beside other programs
that are not in a control group of their own, nicer is slower.
"""

BESIDE_BULK_NICENESS = 10
"""The same for workers that run bulk. Interactive work beside bulk has the same: were it nicer than
bulk, it would wait for bulk on shared cores. With 15 for both, bulk was held up so long that it was
owed a turn, and interactive work waited for that.
"""


def give_way() -> None:
    """Let the calling thread go behind the event loop for the rest of its life."""
    _be_nicer(NICENESS)


def be_overtaken(niceness: int = OVERTAKEN_NICENESS) -> None:
    """Let the calling thread, and those that it starts, go behind others that compute."""
    _be_nicer(niceness)


def _be_nicer(by: int) -> None:
    """Needs no privilege; the highest niceness is 19, whatever is asked for."""
    niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + by
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
