"""Which requests take the short way, and that all others go on."""

import asyncio

import pytest
from starlette.routing import Route

from service.api.front import Front


class Named:
    """An ASGI application that says its name."""

    def __init__(self, name):
        self.name = name

    async def __call__(self, scope, receive, send):
        await send(self.name)


def observed(app):
    """``app``, which says that it was observed."""

    async def around(scope, receive, send):
        await send("observed")
        await app(scope, receive, send)

    return around


def answered_by(method, path, kind="http"):
    """Who answered, and the path's parameters."""
    routes = [
        Route("/v1/sentiment", Named("sentiment"), methods=["POST"]),
        Route("/v1/models/{model}", Named("by name"), methods=["POST"]),
        Route("/v2/models/{model}/infer", Named("infer"), methods=["POST"]),
        Route("/v2/models/{model}/versions/{version}/infer", Named("version"), methods=["POST"]),
        Route("/health/live", Named("health"), methods=["GET"]),
    ]
    names = []

    async def send(name):
        names.append(name)

    scope = {"type": kind, "method": method, "path": path}
    asyncio.run(Front(Named("behind"), routes, observed)(scope, None, send))
    return names, scope.get("path_params")


def test_a_plain_path_has_its_endpoint():
    assert answered_by("POST", "/v1/sentiment") == (["observed", "sentiment"], None)


def test_a_plain_path_answers_the_methods_of_its_route():
    assert answered_by("GET", "/health/live") == (["observed", "health"], None)


@pytest.mark.parametrize("name", ["films", "{model}", "a.b-c", "v1"])
def test_a_models_name_is_a_parameter(name):
    assert answered_by("POST", f"/v1/models/{name}") == (["observed", "by name"], {"model": name})


def test_parameters_may_be_within_a_path():
    assert answered_by("POST", "/v2/models/films/infer") == (
        ["observed", "infer"],
        {"model": "films"},
    )
    assert answered_by("POST", "/v2/models/films/versions/3/infer") == (
        ["observed", "version"],
        {"model": "films", "version": "3"},
    )


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/v1/sentiment", "http"),
        ("POST", "/health/live", "http"),
        ("HEAD", "/health/live", "http"),
        ("GET", "/health/live/", "http"),
        ("GET", "/v1/models/films", "http"),
        ("POST", "/v1/sentiment/", "http"),
        ("POST", "/v1/models/", "http"),
        ("POST", "/v1/models", "http"),
        ("POST", "/v1/models/films/tokenize", "http"),
        ("POST", "/other/films", "http"),
        ("GET", "/v2/models/films/infer", "http"),
        ("POST", "/v2/models/films", "http"),
        ("POST", "/v2/models//infer", "http"),
        ("POST", "/v2/models/films/infer/", "http"),
        ("POST", "/v2/models/films/versions/infer", "http"),
        ("POST", "/x/v2/models/films/infer", "http"),
        ("POST", "", "http"),
        ("POST", "/v1/sentiment", "lifespan"),
    ],
)
def test_everything_else_goes_on(method, path, kind):
    assert answered_by(method, path, kind) == (["behind"], None)
