"""Starts the real service as a process of its own and talks to it over a real socket."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

START_SECONDS = 30


class ServerProcess:
    """``python -m service`` on a free port, ready when the ``with`` block begins, unless
    ``when_ready`` is false.
    """

    def __init__(
        self,
        models: Path,
        *flags: str,
        capture_output: bool = False,
        when_ready: bool = True,
        **env: str,
    ) -> None:
        self._command = [sys.executable, "-m", "service", "--models", str(models), *flags]
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ALBERT_")},
            "ALBERT_PORT": "0",
            "ALBERT_LOG_FORMAT": "json",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **env,
        }
        self._output = subprocess.PIPE if capture_output else None
        self._when_ready = when_ready
        self._printed: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._arrived = threading.Condition()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, env=self._env, stdout=self._output, stderr=subprocess.PIPE, text=True
        )
        self._readers = [threading.Thread(target=self._read_log, daemon=True)]
        if self._output is not None:
            self._readers.append(threading.Thread(target=self._read_output, daemon=True))
        for reader in self._readers:
            reader.start()
        self.port = int(self.event("listening")["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=60)
        if self._when_ready:
            self.event("ready")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def event(
        self, name: str, seconds: float = START_SECONDS, *, of: str = "event"
    ) -> dict[str, Any]:
        """The first log line called ``name``, waited for; or that has so as its ``of``."""
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                for event in self._events:
                    if event.get(of) == name:
                        return event
                if self.process.poll() is not None or not self._arrived.wait(
                    max(0, min(0.5, end - time.monotonic()))
                ):
                    if self.process.poll() is None and time.monotonic() < end:
                        continue
                    raise AssertionError(f"no {name!r} in the log: {self._events}")

    def events(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        with self._arrived:
            return list(self._events)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample of ``/metrics``; 0 when there is none yet."""
        from prometheus_client.parser import text_string_to_metric_families

        text = self.client.get("/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def printed(self, seconds: float = START_SECONDS) -> list[str]:
        """The lines on standard output, once there are some; needs ``capture_output``."""
        end = time.monotonic() + seconds
        with self._arrived:
            while not self._printed or self._printed[-1] != "":
                assert self._arrived.wait(end - time.monotonic()), "nothing was printed"
            return list(self._printed)

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        text = ""
        for line in self.process.stdout:
            text += line
            if text.count("curl ") == 3:
                break
        with self._arrived:
            self._printed = [*text.splitlines(), ""]
            self._arrived.notify_all()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "not json", "line": line}
            with self._arrived:
                self._events.append(event)
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()
