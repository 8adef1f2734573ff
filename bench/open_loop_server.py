"""The service that is measured: one that runs already, or one started for the purpose."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from bench.checkpoints import BASE
from bench.errors import BenchError
from bench.progress import Progress
from bench.service_process import HOST, ServiceProcess
from bench.subject import NAME, export_model

GET_SECONDS = 30
IDLE_SECONDS = 120
POLL_SECONDS = 0.25
IDLE_QUESTIONS = 8
"""How often the queue must be found empty, one poll apart: longer together than any run takes."""
DEFAULT_PATH = "/v1/sentiment"
RESIDENT_BYTES = "process_resident_memory_bytes"
CPU_SECONDS = "process_cpu_seconds_total"


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and the route that is asked: one for texts, ``{"inputs": …}``."""

    host: str
    port: int
    path: str
    about: str
    """What is served, in words for a table's head."""
    started: bool = False
    """Whether it was started here, and is this process's child."""
    model_directory: Path | None = None
    """The version directory of the model of random weights, if that is what is asked."""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples called ``name`` that have ``labels``. Raises BenchError."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self._metrics())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def resident_bytes(self) -> float:
        """Memory of the service, as it reports it itself (VmRSS)."""
        return self.metric(RESIDENT_BYTES)

    def cpu_seconds(self) -> float:
        """What the service has computed since its start."""
        return self.metric(CPU_SECONDS)

    def wait_until_idle(self) -> None:
        """Return when nothing waits and the last run has been counted. Raises BenchError."""
        end = time.monotonic() + IDLE_SECONDS
        idle = 0
        while idle < IDLE_QUESTIONS:
            if time.monotonic() > end:
                raise BenchError(f"the queue was not empty after {IDLE_SECONDS} s")
            time.sleep(POLL_SECONDS)
            idle = 0 if self.metric("albert_queue_sequences") else idle + 1

    def _metrics(self) -> str:
        connection = HTTPConnection(self.host, self.port, timeout=GET_SECONDS)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            text = response.read().decode()
        except OSError as error:
            raise BenchError(f"/metrics of {self.host}:{self.port}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise BenchError(f"/metrics answered {response.status}")
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line says of the service: a URL, a models directory, or neither."""

    url: str | None = None
    models: Path | None = None
    path: str | None = None


@contextmanager
def serving(choice: Choice, progress: Progress, *flags: str) -> Iterator[Server]:
    """The chosen service, ready; one that is started here gets ``flags`` and ends with the block.

    Without a choice it serves a model of random weights in ALBERT-base's shape.
    """
    if choice.url is not None:
        yield _running(choice.url, choice.path or DEFAULT_PATH)
        return
    with TemporaryDirectory(prefix="albert-bench-") as directory:
        if choice.models is None:
            progress.step("exporting the model")
            models, path = export_model(BASE, Path(directory)), f"/v1/models/{NAME}"
            about = "random weights in ALBERT-base's shape, fp32"
        else:
            models, path = choice.models, choice.path or DEFAULT_PATH
            about = f"{models.name}/, asked through {path}"
        with ServiceProcess(models, *flags) as service:
            version = models / NAME / "1" if path == f"/v1/models/{NAME}" else None
            yield Server(HOST, service.port, path, about, True, version)


def _running(url: str, path: str) -> Server:
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname or parts.scheme not in ("", "http"):
        raise BenchError(f"{url} should be like http://host:8000")
    return Server(parts.hostname, parts.port or 80, path, f"{parts.netloc}{path}")
