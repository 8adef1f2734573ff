"""Watches whether a caller takes what is written to it."""

import asyncio


class StallWatch:
    """Hangs up on a caller that takes nothing of what it has not taken yet for some time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._untaken_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Watch what is not taken by now, if there is something. Nothing may be written until
        ``stop``, or what is would pass for not taken.
        """
        self.stop()
        self._untaken_bytes = self._transport.get_write_buffer_size()
        if self._untaken_bytes:
            self._timer = self._loop.call_later(seconds, self._look, seconds)

    def stop(self) -> None:
        """It was taken, or the connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, seconds: float) -> None:
        if self._transport.get_write_buffer_size() < self._untaken_bytes:
            self.start(seconds)
        else:
            self._timer = None
            self._transport.abort()
