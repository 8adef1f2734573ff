"""A server that is compared: how it is started and asked, and its process while it runs."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import Any, Self, TypeVar

from bench.errors import BenchError
from bench.peers.process_tree import (
    continue_tree,
    descendants,
    end_what_is_left,
    stop_tree,
    tree_cpu_seconds,
    tree_memory,
    with_starts,
)
from bench.process_memory import ProcessMemory
from bench.repository import ROOT

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 20
ANSWER_SECONDS = 60
POLL_SECONDS = 0.02

ResultT = TypeVar("ResultT")

Scores = dict[str, float]
"""Of one text: the score of each label."""


@dataclass(frozen=True, slots=True)
class Server:
    """One row of the comparison.

    ``precision`` is that of the file it serves. ``command`` gives the command line for a free port
    and an empty directory to work in. ``body`` is the request for a text and ``scores`` reads the
    answer.
    """

    name: str
    precision: str
    path: str
    command: Callable[[int, Path], Sequence[str]]
    body: Callable[[str], str]
    scores: Callable[[Any], Scores]
    environment: Callable[[int], dict[str, str]] = field(default=lambda port: {})


class ServerProcess:
    """A server that has answered a first text when the ``with`` block begins.

    ``ready_seconds`` is the time from the start of the process to that answer.
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    def __enter__(self) -> Self:
        self.port = free_port()
        self._directory = TemporaryDirectory(prefix="albert-peer-", ignore_cleanup_errors=True)
        self._log = TemporaryFile(mode="w+")
        start = time.perf_counter()
        self._process = subprocess.Popen(
            self.server.command(self.port, Path(self._directory.name)),
            cwd=self._directory.name,
            env=plain_environment(self._directory.name) | self.server.environment(self.port),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
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

    @property
    def process_id(self) -> int:
        """Of its first process."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where a text is asked about."""
        return f"http://{HOST}:{self.port}{self.server.path}"

    def memory(self) -> ProcessMemory:
        """What all its processes hold now."""
        return tree_memory(self._process.pid)

    def cpu_seconds(self) -> float:
        """What its processes have computed since their start."""
        return tree_cpu_seconds(self._process.pid)

    def pause(self) -> None:
        """Take the processor from all its processes, until it is ``awake``."""
        stop_tree(self._process.pid)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let a paused server run within the ``with`` block."""
        continue_tree(self._process.pid)
        try:
            yield
        finally:
            self.pause()

    def ask(self, text: str) -> Scores:
        """Its answer to one text. Raises BenchError unless it is a 200 that can be read."""
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", self.server.path, self.server.body(text), headers)
            response = connection.getresponse()
            content = response.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise BenchError(f"{self.server.name} gave no answer: {error!r}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise BenchError(f"{self.server.name} answered {response.status}: {content[:300]}")
        try:
            return self.server.scores(json.loads(content))
        except (ValueError, LookupError, TypeError) as error:
            raise BenchError(f"{self.server.name} answered {content[:300]}") from error

    def _wait_until_ready(self, start: float) -> None:
        said = ""
        while time.perf_counter() - start < START_SECONDS and self._process.poll() is None:
            try:
                self.ask("ready")
                return
            except BenchError as error:
                said = str(error)  # it does not listen yet, or has not loaded its model
            time.sleep(POLL_SECONDS)
        self._log.seek(0)
        log = self._log.read().strip()[-2000:]
        raise BenchError(f"{self.server.name} did not become ready: {said}\n{log}")

    def _stop(self) -> None:
        """Ask the first process to end, then end what it leaves behind."""
        everyone = with_starts(descendants(self._process.pid))
        continue_tree(self._process.pid)
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        end_what_is_left(everyone)
        self._process.wait()
        self._log.close()
        self._directory.cleanup()


def start_paused(
    until: ExitStack, server: Server, prepare: Callable[[ServerProcess], ResultT]
) -> tuple[ServerProcess, ResultT]:
    """Start ``server``, ``prepare`` it and pause it; it ends with ``until``. BenchError if any of
    that fails: then it has ended.
    """
    with ExitStack() as starting:
        process = starting.enter_context(ServerProcess(server))
        result = prepare(process)
        process.pause()
        until.push(starting.pop_all())
    return process, result


def free_port() -> int:
    """One on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def plain_environment(home: str) -> dict[str, str]:
    """The same for all: no settings of this service or of Python, no reports to anyone, and what
    a server leaves behind goes to ``home``.
    """
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("ALBERT_", "PYTHON"))
    }
    return kept | {
        "ORT_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "BENTOML_DO_NOT_TRACK": "True",
        "INFINITY_ANONYMOUS_USAGE_STATS": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": home,
        "BENTOML_HOME": home,
        "PYTHONPATH": str(ROOT),
    }
