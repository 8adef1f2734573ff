"""Where the service stands between its start and its end, and how many requests it still owes an
answer.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum


class StartingError(Exception):
    """The models are still being loaded."""


class DrainingError(Exception):
    """The service is shutting down and takes no new work."""


class Phase(Enum):
    """The three phases, in order."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Lifecycle:
    """The phase and the requests in flight. Lives on the event loop; its one owner is the
    application.
    """

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._told_of_drain: set[Callable[[], None]] = set()
        self._admission = Admission(self)

    def started(self) -> None:
        """The models are loaded. Does nothing once draining."""
        if self.phase is Phase.STARTING:
            self.phase = Phase.SERVING

    def drain(self) -> None:
        """Take no new work from now on."""
        self.phase = Phase.DRAINING

    def check_serving(self) -> None:
        """Raises StartingError or DrainingError where a request would not be let in."""
        if self.phase is Phase.STARTING:
            raise StartingError("The service is starting: its models are being loaded.")
        if self.phase is Phase.DRAINING:
            raise DrainingError("The service is shutting down; ask another replica.")

    def drain_began(self) -> None:
        """Tell who asked for it that the service is draining. Called on the event loop, soon after
        ``drain``, which a signal calls.
        """
        for tell in list(self._told_of_drain):
            tell()

    @contextmanager
    def telling_of_drain(self, tell: Callable[[], None]) -> Iterator[None]:
        """Around work without a foreseeable end, which is to be cut short when draining begins."""
        self._told_of_drain.add(tell)
        try:
            yield
        finally:
            self._told_of_drain.remove(tell)

    def admitted(self) -> "Admission":
        """Around the handling of one request. Raises StartingError or DrainingError instead of
        letting it in.
        """
        return self._admission

    def came_in(self) -> None:
        """A request is being handled."""
        self._in_flight += 1
        self._idle.clear()

    def went_out(self) -> None:
        """A request was handled."""
        self._in_flight -= 1
        if self._in_flight == 0:
            self._idle.set()

    async def idle(self) -> None:
        """Return when no admitted request is left."""
        await self._idle.wait()


class Admission:
    """The ``with`` block around the handling of any request: it holds nothing of its own, so that
    one does for all.
    """

    __slots__ = ("_lifecycle",)

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def __enter__(self) -> None:
        self._lifecycle.check_serving()
        self._lifecycle.came_in()

    def __exit__(self, *_: object) -> None:
        self._lifecycle.went_out()
