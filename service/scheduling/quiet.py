"""Notices when the work has stopped, to do what would only be in its way before."""

import threading
from collections.abc import Callable

QUIET_SECONDS = 1.0
"""Without the end of a run, after which the work has stopped."""


class QuietWatch:
    """Calls ``on_quiet`` once after each spell of work. ``ran`` may be called from any thread;
    ``watch`` takes a thread for itself, until ``close``.

    ``is_idle`` says whether nothing waits or runs, for one run may take longer than ``seconds``.
    """

    def __init__(
        self,
        is_idle: Callable[[], bool],
        on_quiet: Callable[[], None],
        seconds: float = QUIET_SECONDS,
    ) -> None:
        self._is_idle = is_idle
        self._on_quiet = on_quiet
        self._seconds = seconds
        self._ran = threading.Event()
        self._closed = threading.Event()

    def ran(self) -> None:
        """A run has ended."""
        if not self._ran.is_set():  # hardly ever, under load: setting it takes a lock
            self._ran.set()

    def watch(self) -> None:
        """Wait for work, and for its end, again and again."""
        while True:
            self._ran.wait()
            self._ran.clear()
            if self._closed.wait(self._seconds):
                return
            if self._ran.is_set():
                continue
            if self._is_idle():
                self._on_quiet()
            else:
                self._ran.set()

    def close(self) -> None:
        """Let ``watch`` return."""
        self._closed.set()
        self._ran.set()
