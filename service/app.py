"""Wires the floors together: the only place that knows them all."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

import service
from service.api.access import Access
from service.api.access_description import AccessDescription
from service.api.access_middleware import AccessMiddleware
from service.api.body import BodyReader
from service.api.bulk_routes import BulkRoutes
from service.api.description import describe
from service.api.door import Door
from service.api.endpoint_routes import EndpointLimits, EndpointRoutes
from service.api.front import Front
from service.api.health_routes import HealthRoutes
from service.api.inference_routes import InferenceRoutes, WireLimits
from service.api.model_routes import ModelRoutes
from service.api.observation import ObservationMiddleware
from service.api.open_inference.faces import Faces
from service.api.open_inference.infer_routes import InferRoutes
from service.api.open_inference.metadata_routes import MetadataRoutes
from service.api.problems import problem_of, response_of
from service.api.tokenization_routes import TokenizationRoutes
from service.api.translation import InputLimits
from service.api_keys import ApiKeys, read_keys
from service.examples import greeting, show
from service.inference import Inference
from service.lifecycle import Lifecycle, Phase
from service.registry import Registry
from service.runtime.cores import available_cores
from service.runtime.device import Device
from service.runtime.memory import Heap, share_arena
from service.runtime.priority import give_way
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.scheduler import Scheduler
from service.scheduling.workers import Workers
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.tokenization import Tokenization

log = structlog.get_logger(__name__)

GARBAGE_OBJECTS = 100_000
"""New objects between two looks for those that hold each other. Nothing of a request is among them,
however it is answered, but a look is at all that waits: at ten times what the default models can
answer, when there are some 60,000, one took up to 39 ms, and nobody was answered meanwhile
(docs/decisions/overload.md). With Python's 700 the looks take 3 % of the processor
(docs/decisions/http-cost.md).
"""

DESCRIPTION = "Sentiment, text classification and extractive question answering with ALBERT models."


class Application:
    """One running service: its parts, and what puts them on the wire. Made of settings; raises
    KeysFileError.

    ``asgi`` is all of it; ``fastapi`` is what is behind the front: neither answers nor health.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base_url = ""
        self._loading: asyncio.Task[None] | None = None
        self._threads = settings.threads or available_cores()
        self.lifecycle = Lifecycle()
        self.metrics = Metrics()
        self.registry = Registry(settings.defaults, Device(settings.device), self._threads)
        self.scheduler = Scheduler(
            workers=self._threads,
            limits=BatchLimits(settings.max_batch_tokens),
            max_queue_seconds=settings.max_queue_seconds,
            observer=self.metrics,
            cache_entries=settings.cache_entries,
        )
        self.metrics.watch_queue(self.scheduler.queue)
        self._heap = Heap()
        self._workers = Workers(self.scheduler, self._threads, self._give_back)
        self._keys = _keys_of(settings)
        access = None
        if self._keys is not None or settings.rate_limit is not None:
            access = Access(self._keys, settings.rate_limit, self.metrics)
        self.door = Door(self.lifecycle, self.metrics, self.scheduler, access)
        self._preparation = ThreadPoolExecutor(
            self._threads, thread_name_prefix="prepare", initializer=give_way
        )
        self.fastapi, routes = self._build()
        self.asgi: ASGIApp = Front(self.fastapi, routes, self.observed)
        if access is not None:
            self.asgi = AccessMiddleware(self.asgi, access, self.observed)

    def listening(self, port: int) -> asyncio.Task[None]:
        """The port is open: load the models, while health says so. Called on the event loop. The
        task ends when they are loaded, or with what made that impossible.
        """
        host = self._settings.host
        self._base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        log.info("listening", host=host, port=port, models=str(self._settings.models))
        self._loading = asyncio.create_task(self._load())
        return self._loading

    def _give_back(self) -> None:
        """Return memory that only the work of a moment ago needed."""
        given_back = False
        for model in self.registry.loaded:
            try:
                given_back |= model.session.give_back()
            except Exception as error:
                log.warning("memory is not given back", model=model.name, error=repr(error))
        if given_back:
            self._heap.trim()
        else:
            self._heap.trim_if_grown()

    def observed(self, app: ASGIApp) -> ASGIApp:
        """``app`` with what every answer passes: request id, metrics, log, errors."""
        return ObservationMiddleware(app, self.metrics, self.lifecycle, self.door)

    def _build(self) -> tuple[FastAPI, list[Route]]:
        """The FastAPI application, and those of its routes that requests get to before it."""
        settings = self._settings
        app = FastAPI(
            title="albert-serve",
            version=service.__version__,
            description=DESCRIPTION,
            lifespan=self._lifespan,
            redoc_url=None,
            swagger_ui_oauth2_redirect_url=None,
            redirect_slashes=False,
        )
        inputs = InputLimits(settings.max_inputs, settings.max_characters, settings.max_windows)
        limits = WireLimits(
            settings.max_body_bytes, settings.receive_timeout, settings.request_timeout, inputs
        )
        bodies = BodyReader(settings.max_body_bytes, settings.receive_timeout)
        inference = Inference(self.scheduler, self._preparation)
        answering = InferenceRoutes(
            self.registry, inference, self.lifecycle, self.metrics, bodies, limits
        )
        endpoint_limits = EndpointLimits(inputs, settings.max_body_bytes, settings.max_batch_tokens)
        faces = Faces(self.registry, self.lifecycle, inputs)
        inferring = InferRoutes(faces, inference, self.lifecycle, self.metrics, bodies, limits)
        health = HealthRoutes(self.lifecycle, self.registry, self.metrics)
        routers = [
            EndpointRoutes(
                self.registry, self.lifecycle, endpoint_limits, service.__version__
            ).router(),
            ModelRoutes(self.registry, inputs, settings.max_body_bytes).router(),
            health.router(),
            MetadataRoutes(faces, self.registry, self.lifecycle, service.__version__).router(),
        ]
        tokenizing = TokenizationRoutes(
            self.registry, Tokenization(self._preparation), self.lifecycle, bodies, limits
        )
        bulk = BulkRoutes(self.registry, inference, self.lifecycle, self.metrics, limits)
        running = [*answering.routes(), *inferring.routes()]
        app.router.routes.extend([*running, *tokenizing.routes(), *bulk.routes()])
        for router in routers:
            app.include_router(router)
        unmounted = [
            answering.documentation(),
            tokenizing.documentation(),
            inferring.documentation(),
            bulk.documentation(),
        ]
        app.add_exception_handler(HTTPException, HttpErrors([*unmounted, *routers]))
        app.add_middleware(
            ObservationMiddleware, metrics=self.metrics, lifecycle=self.lifecycle, door=self.door
        )
        access = AccessDescription(
            has_keys=self._keys is not None, has_rate=settings.rate_limit is not None
        )
        app.openapi = describe(app, access, *unmounted)  # type: ignore[method-assign]
        return app, [*running, *health.routes()]

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._workers.start()
        yield
        self.lifecycle.drain()
        self.scheduler.abandon()
        if self._loading is not None:
            await asyncio.wait({self._loading})
        await asyncio.to_thread(self._workers.join, 5.0)
        self._preparation.shutdown(wait=False, cancel_futures=True)
        log.info("stopped")

    async def _load(self) -> None:
        """Load in a thread, so that health is answered meanwhile. It is as nice as this one, and so
        are the threads of the sessions that it opens, because they take part in what goes first.
        """

        def load() -> None:
            share_arena()
            self.registry.load(self._settings.models, self._is_ending)

        # The description takes a tenth of a second: beside what waits for files and cores, not for
        # whoever asks for it first and all others.
        await asyncio.gather(asyncio.to_thread(load), asyncio.to_thread(self.fastapi.openapi))
        if self._is_ending():
            return
        for model in self.registry.loaded:
            self.scheduler.add_model(model.name, model.session, model.cost)
            self.metrics.model_loaded(model)
        for failed in self.registry.failed:
            self.metrics.model_failed(failed)
        # What was loaded lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)
        self._give_back()  # of the runs that told what each model costs
        self._heap.trim()
        self.lifecycle.started()
        names = [model.name for model in self.registry.loaded]
        keys = 0 if self._keys is None else len(self._keys)
        if reasons := self.registry.missing():
            log.error("not ready", reasons=reasons, models=names)
        else:
            log.info("ready", models=names, threads=self._threads, keys=keys)
        if self._settings.examples:
            self._show_examples()

    def _is_ending(self) -> bool:
        """Asked by the thread that loads too: it reads one attribute."""
        return self.lifecycle.phase is Phase.DRAINING

    def _show_examples(self) -> None:
        has_keys = self._keys is not None
        try:
            show(greeting(self.registry, self._base_url, has_keys=has_keys))
        except OSError as error:
            log.warning("the examples could not be printed", error=repr(error))


def _keys_of(settings: Settings) -> ApiKeys | None:
    return None if settings.api_keys_file is None else read_keys(settings.api_keys_file)


class HttpErrors:
    """Answers what the framework itself refuses: unknown routes and wrong methods."""

    def __init__(self, routers: Sequence[APIRouter]) -> None:
        self._routers = routers

    async def __call__(self, request: Request, error: Exception) -> Response:
        """Answer ``error`` as application/problem+json."""
        if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette names the methods of the first route of that path; there may be several.
            routes = self._routes_at(request.scope)
            allowed = {method for route in routes for method in route.methods or ()}
            error.headers = {"Allow": ", ".join(sorted(allowed or {"GET"}))}
        problem = problem_of(error)
        if problem.status == HTTPStatus.NOT_FOUND and (place := self._without_slash(request.scope)):
            return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": place})
        return response_of(problem, request.state.request_id)

    def _without_slash(self, scope: Scope) -> str | None:
        """Where the route is whose path has a slash behind it here, as some write URLs.

        Relative: Starlette's own redirect is to the host that the request names, which may be
        anybody's, over http, also behind a proxy that ends TLS, and without a path in front.
        """
        sent: str = scope["raw_path"].decode("latin-1")
        if not sent.endswith("/") or not self._routes_at({**scope, "path": scope["path"][:-1]}):
            return None
        name = sent[:-1].rpartition("/")[2]
        query = scope["query_string"].decode("latin-1")
        return f"../{name}?{query}" if query else f"../{name}"

    def _routes_at(self, scope: Scope) -> list[APIRoute]:
        """Those of the scope's path, whatever their methods."""
        return [
            route
            for router in self._routers
            for route in router.routes
            if isinstance(route, APIRoute) and route.matches(scope)[0] is not Match.NONE
        ]
