"""The service as its users start it: ``python -m service``, asked over a real socket."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from bench.errors import BenchError
from bench.process_memory import (
    ProcessMemory,
    read_cpu_seconds,
    read_memory,
    read_voluntary_switches,
)
from bench.repository import ROOT

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 30
GET_SECONDS = 5
POLL_SECONDS = 0.005
"""Between two questions whether the service is ready."""


class ServiceProcess:
    """A running service, ready when the ``with`` block begins.

    ``ready_seconds`` is the time from the start of the process to the first 200 of
    ``/health/ready``.
    """

    def __init__(self, models: Path, *flags: str) -> None:
        self._models = models
        self._flags = flags

    def __enter__(self) -> Self:
        self.port = _free_port()
        command = [sys.executable, "-m", "service", "--models", str(self._models.resolve())]
        command += ["--host", HOST, "--port", str(self.port), *self._flags]
        self._log = TemporaryFile(mode="w+")
        start = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=_plain_environment(), stdout=self._log, stderr=self._log
        )
        try:
            self._wait_until_ready(start)
        except BaseException:
            self._stop()
            raise
        self.ready_seconds = time.perf_counter() - start
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def memory(self) -> ProcessMemory:
        """What it holds now."""
        return read_memory(self._process.pid)

    def cpu_seconds(self) -> float:
        """What it has computed since its start."""
        return read_cpu_seconds(self._process.pid)

    def voluntary_switches(self) -> int:
        """How often its threads have waited since they began."""
        return read_voluntary_switches(self._process.pid)

    def metric(self, name: str) -> float:
        """The sum of all samples called ``name`` in ``/metrics``."""
        status, text = self._get("/metrics")
        if status != 200:
            raise BenchError(f"/metrics answered {status}")
        families = text_string_to_metric_families(text)
        return sum(
            sample.value for family in families for sample in family.samples if sample.name == name
        )

    def _wait_until_ready(self, start: float) -> None:
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() - start > START_SECONDS:
                self._log.seek(0)
                raise BenchError(f"the service did not become ready:\n{self._log.read().strip()}")
            time.sleep(POLL_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self._get("/health/ready")[0] == 200
        except OSError:
            return False  # it does not listen yet

    def _get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection(HOST, self.port, timeout=GET_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _plain_environment() -> dict[str, str]:
    """Without settings of the service, and without those of Python, which can change how fast it
    is: PYTHONDONTWRITEBYTECODE makes every start compile the libraries anew.
    """
    prefixes = ("ALBERT_", "PYTHON")
    return {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
