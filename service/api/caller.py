"""The caller at the other end of a connection: who may hang up while being answered."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, cast

from starlette.requests import ClientDisconnect
from starlette.types import Scope

from service.http_protocol import CONNECTION

CALLER_LEFT = 499
"""Status in metrics and logs, never on the wire, of a request whose caller left; the number is
nginx's.
"""


class Connection(Protocol):
    """What the server tells of a connection; ``service.http_protocol`` has the meanings."""

    on_lost: Callable[[], None] | None
    is_patient: bool

    @property
    def is_lost(self) -> bool:
        """Whether the caller has hung up by now."""

    @property
    def request_is_whole(self) -> bool:
        """Whether nothing of a request is waited for."""

    def stream_request(self) -> None:
        """Leave it to the application how long the request may take to arrive."""

    def cut(self, *, at_once: bool = False) -> None:
        """Close the connection before the answer is whole."""

    def told_to_wait(self, seconds: float) -> None:
        """The caller was refused, and told to come back in so many seconds."""


def connection_of(scope: Scope) -> Connection:
    """The connection that a request came over."""
    return cast(Connection, scope["extensions"][CONNECTION])


class UnlessCallerLeaves:
    """A ``with`` block that is cancelled when the caller hangs up, and then raises
    ClientDisconnect. To be entered once the body has been read.

    It costs no task of its own: the connection calls back.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = False

    def __enter__(self) -> Self:
        if self._connection.is_lost:
            raise ClientDisconnect
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._connection.on_lost = self._leave
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.on_lost = None
        if self._left and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientDisconnect from error

    def _leave(self) -> None:
        self._left = True
        self._task.cancel()
