"""Plain ASGI middleware that hands what is asked often straight to its endpoint: answers, and what
orchestrators and scrapers ask.

FastAPI, its middleware and its router, which every other request goes through, cost a request for
an answer as much as reading, parsing and validating its body (docs/http-cost.md).
"""

from collections.abc import Callable, Sequence
from re import Pattern

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

PARAMETER = "/{model}"


class Front:
    """Serves the methods and paths of ``routes``, each by what ``observed`` makes of its endpoint;
    leaves all else, other methods on these paths too, to the application behind. Paths that are
    plain or end in a model's name are found first; those with parameters answer POST alone.
    """

    def __init__(
        self, app: ASGIApp, routes: Sequence[Route], observed: Callable[[ASGIApp], ASGIApp]
    ) -> None:
        self._app = app
        self._exact: dict[tuple[str, str], ASGIApp] = {}
        self._named: dict[str, ASGIApp] = {}
        self._others: list[tuple[Pattern[str], ASGIApp]] = []
        for route in routes:
            path = route.path.removesuffix(PARAMETER)
            endpoint = observed(route.app)
            if "{" in path:
                self._others.append((route.path_regex, endpoint))
            elif path != route.path:
                self._named[path] = endpoint
            else:
                # Starlette adds HEAD to GET, which the description of the service does not have.
                for method in set(route.methods or ()) - {"HEAD"}:
                    self._exact[method, path] = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._endpoint(scope)(scope, receive, send)

    def _endpoint(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "http":
            return self._app
        method, path = scope["method"], scope["path"]
        if (endpoint := self._exact.get((method, path))) is not None:
            return endpoint
        if method != "POST":
            return self._app
        before, _, name = path.rpartition("/")
        if name and (endpoint := self._named.get(before)) is not None:
            scope["path_params"] = {"model": name}
            return endpoint
        for pattern, endpoint in self._others:
            if (found := pattern.match(path)) is not None:
                scope["path_params"] = found.groupdict()
                return endpoint
        return self._app
