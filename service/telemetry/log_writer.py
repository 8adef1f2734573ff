"""Writes log lines from a thread of its own, so that nobody waits for who reads them."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

MOST_CHARACTERS = 1 << 20
"""Of lines that are not written yet; what is more is lost, and counted."""

GATHERING_SECONDS = 0.02
"""For which lines are gathered before they are written: to wake a thread for each would take the
event loop longer than to write it."""


class LogWriter:
    """A text stream for a handler of ``logging``, on a file descriptor.

    A pipe that its reader has left full, as a stalled collector of logs does, holds up whoever
    writes to it, which on the event loop is everyone. ``on_lost`` is told, by the thread, how many
    lines found no room meanwhile.
    """

    def __init__(self, descriptor: int, on_lost: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._on_lost = on_lost
        self._lines: deque[str] = deque()
        self._characters = 0
        self._lost = 0
        self._lock = threading.Lock()
        self._there_are_some = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Have ``text`` written soon, after what came before it."""
        with self._lock:
            if self._characters + len(text) > MOST_CHARACTERS:
                self._lost += 1
                return
            self._lines.append(text)
            self._characters += len(text)
        if not self._there_are_some.is_set():
            self._there_are_some.set()

    def flush(self) -> None:
        """Nothing: it would wait."""

    def close(self, seconds: float = 1.0) -> None:
        """Write what is left, if that is done in so many seconds."""
        self._closing.set()
        self._there_are_some.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._closing.is_set():
            self._there_are_some.wait()
            self._closing.wait(GATHERING_SECONDS)
            self._there_are_some.clear()
            self._write_all()
        self._write_all()

    def _write_all(self) -> None:
        with self._lock:
            text, lost = "".join(self._lines), self._lost
            self._lines.clear()
            self._lost = 0
        _write(self._descriptor, text.encode(errors="backslashreplace"))
        with self._lock:
            self._characters -= len(text)
        if lost:
            self._on_lost(lost)


def _write(descriptor: int, content: bytes) -> None:
    """All of it; nothing more once the other end is gone, or the disk full."""
    try:
        while content:
            try:
                content = content[os.write(descriptor, content) :]
            except BlockingIOError:  # whoever shares it has made it so
                time.sleep(GATHERING_SECONDS)
    except OSError:
        return
