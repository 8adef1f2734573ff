"""Where the threads of a run on every core are.

They wait for one another at each operator, so two of them on one core take as long as one, and
longer. Linux wakes the thread of a session on the core of the thread that woke it, where the other
one is busy with something else, and moves it on some milliseconds later. Beside an endless run on
each of two cores, or after 30 ms of nothing, 12 tokens took 14 to 16 ms in half of the cases, and
24 to 44 in a tenth of them; with a core for each thread 9 to 12 and 12 to 17 (one-off scripts).
"""

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress


class WideCores:
    """The cores for runs of ``threads`` threads, of those that the process may use: one for each
    thread. Where there are more or less of them, the operating system chooses.
    """

    def __init__(self, threads: int, cores: Collection[int]) -> None:
        self._cores = sorted(cores) if len(cores) == threads else []

    @property
    def affinities(self) -> str | None:
        """Those of the session's own threads, as onnxruntime reads them
        (``session.intra_op_thread_affinities``: it counts cores from 1, and leaves the thread out
        that asks for the run). None where the operating system chooses.
        """
        return ";".join(str(core + 1) for core in self._cores[1:]) or None

    @contextmanager
    def lead(self) -> Iterator[None]:
        """Keep the calling thread, which asks for a run, on the core that is left for it."""
        if not self._cores:
            yield
            return
        thread = threading.get_native_id()
        with suppress(OSError):  # the cores that may be used can change at any time
            os.sched_setaffinity(thread, self._cores[:1])
        try:
            yield
        finally:
            with suppress(OSError):
                os.sched_setaffinity(thread, self._cores)
