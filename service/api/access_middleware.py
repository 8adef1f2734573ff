"""Plain ASGI middleware around everything, where keys or a rate are set: lets nobody in whom
``Access`` refuses, and tells callers what is left of their rate.

Most refusals never come this far: the door writes them as soon as the header is read. It does not
while an earlier answer on the connection is not taken, or the service starts or ends.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import ACCESS, Access
from service.api.door import route_of


class AccessMiddleware:
    """``observed`` makes of an application one whose errors are answered, counted and logged."""

    def __init__(
        self, app: ASGIApp, access: Access, observed: Callable[[ASGIApp], ASGIApp]
    ) -> None:
        self._app = app
        self._access = access
        self._refuse = observed(_refuse)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        decision = self._access.decide(scope)
        fields = [
            (name.lower().encode("ascii"), value.encode("ascii"))
            for name, value in decision.headers.items()
        ]

        async def send_with_rate(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        app = self._app if decision.refusal is None else self._refuse
        await app(scope, receive, send_with_rate if fields else send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    state = scope["state"]
    state["route"] = route_of(scope) or ""
    raise state[ACCESS].refusal
