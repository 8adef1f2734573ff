"""Every setting: its variable, its flag, its unit, its default and what is allowed."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from model_directory.manifest import Task
from service.runtime.device import DEVICE_PATTERN, Device
from service.tasks.window_limit import MOST_WINDOWS
from service.telemetry.logging import LogFormat, LogLevel

PREFIX = "ALBERT_"
OF_THE_CLIENT = frozenset({"ALBERT_API_KEY", "ALBERT_URL"})
"""``albert-ask`` reads them, also in a shell in which ``albert-serve`` is started."""

AUTOMATIC = "automatic: one exported with --default, else the first by name"
NONE = "none"
"""How the help says, and anybody may, that something is not there; None in Settings."""

Absent = BeforeValidator(lambda value: None if value == NONE else value)


class SettingsError(Exception):
    """Settings that the service refuses to start with: one line for each."""


class Settings(BaseSettings):
    """Serves every ALBERT model under a directory over HTTP. Each flag is also an environment
    variable; the flag wins.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        env_parse_none_str="automatic",
        allow_inf_nan=False,
    )

    models: Annotated[Path, Field(description="directory of models")] = Path("models")
    host: Annotated[str, Field(min_length=1, description="address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")
    ] = 8000
    device: Annotated[
        str,
        Field(
            pattern=DEVICE_PATTERN,
            description="where models run: cpu, cuda (needs onnxruntime-gpu), or cuda:N of several",
        ),
    ] = "cpu"
    threads: Annotated[
        int | None,
        Field(
            ge=1,
            le=1024,
            description="worker threads; automatic: as many as cgroup and affinity allow cores",
        ),
    ] = None
    max_batch_tokens: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="tokens that one run computes; a longer single text runs alone",
        ),
    ] = 256
    max_queue_seconds: Annotated[
        float,
        Field(gt=0, le=3600, description="predicted work that may wait, in seconds of all workers"),
    ] = 2.0
    api_keys_file: Annotated[
        Path | None,
        Field(
            default=NONE,
            validate_default=True,
            description="file of the callers' keys, a line name:key for each; none: open to "
            "everybody",
        ),
        Absent,
    ]
    rate_limit: Annotated[
        float | None,
        Field(
            default=NONE,
            validate_default=True,
            ge=0.001,
            le=100_000,
            description="requests a second for each key, or address without one; none: no limit",
        ),
        Absent,
    ]
    cache_entries: Annotated[
        int,
        Field(
            ge=0, le=10_000_000, description="rows whose result is kept for identical ones; 0: none"
        ),
    ] = 0
    request_timeout: Annotated[
        float, Field(gt=0, le=3600, description="deadline of a request that names none, seconds")
    ] = 30.0
    max_body_bytes: Annotated[
        int, Field(ge=1024, le=1 << 30, description="largest request body, bytes")
    ] = 2 * 1024 * 1024
    max_inputs: Annotated[
        int, Field(ge=1, le=100_000, description="most inputs in one request")
    ] = 256
    max_characters: Annotated[
        int, Field(ge=1, le=100_000_000, description="longest single text, code points")
    ] = 200_000
    max_windows: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="most windows of one request; each text has one at least",
        ),
    ] = MOST_WINDOWS
    receive_timeout: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds in which a request must have arrived whole"),
    ] = 10.0
    drain_seconds: Annotated[
        float, Field(ge=0, le=3600, description="time for what was admitted, at SIGTERM, seconds")
    ] = 25.0
    default_sentiment: Annotated[
        str | None,
        Field(description=f"model of /v1/sentiment; {AUTOMATIC}"),
    ] = None
    default_classification: Annotated[
        str | None,
        Field(description=f"model of /v1/classification; {AUTOMATIC}"),
    ] = None
    default_question_answering: Annotated[
        str | None,
        Field(description=f"model of /v1/question-answering; {AUTOMATIC}"),
    ] = None
    tracing: Annotated[
        bool, Field(description="send OpenTelemetry traces; OTEL_* variables say where to")
    ] = False
    examples: Annotated[
        bool, Field(description="print curl lines to try, on standard output, when ready")
    ] = False
    log_format: Annotated[
        LogFormat | None, Field(description="automatic: console on a terminal, json elsewhere")
    ] = None
    log_level: Annotated[LogLevel, Field(description="debug, info, warning or error")] = "info"

    @property
    def defaults(self) -> dict[Task, str | None]:
        """The model that was chosen for each task's route, if any."""
        return {
            Task.SENTIMENT: self.default_sentiment,
            Task.CLASSIFICATION: self.default_classification,
            Task.QUESTION_ANSWERING: self.default_question_answering,
        }


def read_settings(arguments: list[str]) -> Settings:
    """Settings from the environment and command-line ``arguments``.

    Raises SettingsError, naming variable, value and what is allowed; exits with status 2 on an
    unknown flag, 0 after ``--help``.
    """
    try:
        settings = Settings(
            _cli_parse_args=arguments,
            _cli_prog_name="albert-serve",
            _cli_kebab_case=True,
            _cli_show_env_vars=True,
            _cli_implicit_flags=True,
            _cli_hide_none_type=True,
        )
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(issue) for issue in error.errors())) from error
    _check_models(settings.models)
    _check_host(settings.host)
    if (reason := Device(settings.device).missing()) is not None:
        raise SettingsError(f"{PREFIX}DEVICE (--device) is '{settings.device}': {reason}.")
    return settings


def _check_models(models: Path) -> None:
    try:
        is_directory, why = models.is_dir(), ""
    except OSError as error:
        is_directory, why = False, f" ({error.strerror})"
    if not is_directory:
        raise SettingsError(
            f"{PREFIX}MODELS (--models) is '{models}': it should be a directory of models{why}."
        )


def _check_host(host: str) -> None:
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise SettingsError(f"{PREFIX}HOST (--host) is {host!r}: no name or address.") from error


def unknown_variables() -> list[str]:
    """``ALBERT_*`` variables of the environment that mean nothing here or to the client: misspelt,
    or of another version.
    """
    known = {(PREFIX + name).upper() for name in Settings.model_fields} | OF_THE_CLIENT
    # Kubernetes sets NAME_PORT, NAME_SERVICE_HOST and the like for each Service, one named "albert"
    # included.
    injected = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_")
    return sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name not in known and not injected.search(name)
    )


def _sentence(issue: Any) -> str:
    field = str(issue["loc"][0])
    allowed = str(issue["msg"])
    return (
        f"{PREFIX}{field.upper()} (--{field.replace('_', '-')}) is {issue['input']!r}: {allowed}."
    )
