"""``albert-serve``: settings from flags and environment, then the server."""

import os
import sys
from collections.abc import Callable

# Rust threads inside a tokenizer would compete with the worker threads; read by tokenizers when it
# is first used.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import structlog
from starlette.types import ASGIApp

from service.app import Application
from service.server import serve
from service.settings import SettingsError, read_settings, unknown_variables
from service.telemetry.logging import configure_logging
from service.telemetry.tracing import TracingUnavailableError, trace

log = structlog.get_logger(__name__)

REFUSED = 1
WRONG_USAGE = 2


def main(arguments: list[str] | None = None) -> None:
    """Serve, until a signal. Exit status 0 after a clean stop, 1 when the port cannot be had, 2 for
    settings out of range.
    """
    try:
        settings = read_settings(sys.argv[1:] if arguments is None else arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG_USAGE)
    configure_logging(settings.log_format, settings.log_level)
    for name in unknown_variables():
        log.warning("an unknown variable is ignored", variable=name)
    application = Application(settings)
    app: ASGIApp = application.asgi
    flush: Callable[[], None] | None = None
    if settings.tracing:
        try:
            app, flush = trace(app)
        except TracingUnavailableError as error:
            print(f"ALBERT_TRACING (--tracing) is set: {error}", file=sys.stderr)
            sys.exit(REFUSED)
    served = serve(
        app,
        application.lifecycle,
        host=settings.host,
        port=settings.port,
        receive_seconds=settings.receive_timeout,
        drain_seconds=settings.drain_seconds,
        on_listening=application.listening,
        abandon=application.scheduler.abandon,
    )
    if flush is not None:
        flush()
    sys.exit(0 if served else REFUSED)
