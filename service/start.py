"""From settings to a running server, and to an exit status."""

import sys
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp

from service.api_keys import KeysFileError
from service.app import Application
from service.runtime.open_files import allow_many
from service.server import End, serve
from service.settings import Settings, SettingsError, read_settings, unknown_variables
from service.telemetry.logging import configure_logging
from service.telemetry.tracing import TracingUnavailableError, trace

log = structlog.get_logger(__name__)

DONE = 0
REFUSED = 1
WRONG_USAGE = 2


def start(arguments: list[str]) -> int:
    """Serve until a signal.

    Returns the exit status: 0 after a clean stop, 1 when the port or the tracing that was asked for
    cannot be had, or when a fault, which is in the log, ended the start, 2 for settings out of
    range or a file of keys that is not one. A second signal ends the process with 128 + its
    number, and this does not return.
    """
    try:
        settings = read_settings(arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    configure_logging(settings.log_format, settings.log_level)
    for name in unknown_variables():
        log.warning("an unknown variable is ignored", variable=name)
    allow_many()
    try:
        application = Application(settings)
    except KeysFileError as error:
        print(f"ALBERT_API_KEYS_FILE (--api-keys-file): {error}", file=sys.stderr)
        return WRONG_USAGE
    if not settings.tracing:
        return _serve(application, application.asgi, settings)
    try:
        traced, flush = trace(application.asgi)
    except TracingUnavailableError as error:
        print(f"ALBERT_TRACING (--tracing) is set: {error}", file=sys.stderr)
        return REFUSED
    return _serve(application, traced, settings, flush)


def _serve(
    application: Application,
    app: ASGIApp,
    settings: Settings,
    flush: Callable[[], None] | None = None,
) -> int:
    end = serve(
        app,
        application.lifecycle,
        application.door,
        host=settings.host,
        port=settings.port,
        receive_seconds=settings.receive_timeout,
        drain_seconds=settings.drain_seconds,
        on_listening=application.listening,
        abandon=application.scheduler.abandon,
    )
    if flush is not None:
        flush()
    if end is End.NOT_LISTENING:
        log.error(
            "the port cannot be listened on",
            host=settings.host,
            port=settings.port,
            hint="ALBERT_PORT (--port) takes another port, ALBERT_HOST (--host) another address",
        )
    return DONE if end is End.STOPPED else REFUSED
