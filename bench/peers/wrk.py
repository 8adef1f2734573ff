"""wrk as the load: starts it, and reads what its script reports."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.errors import BenchError

SCRIPT = Path(__file__).with_name("load.lua")
THREADS = 1
LIMIT_SECONDS = 180
"""For one run: a server that has not answered everything by then has failed."""


@dataclass(frozen=True, slots=True)
class WrkReport:
    """From the first request to the last answer. ``latencies``: seconds, ascending, of all answers;
    ``refusals``: how many answers had which status other than 200; ``resent``: requests whose
    connection broke before the answer, and which were replaced by others.
    """

    seconds: float
    latencies: list[float]
    refusals: dict[str, int]
    resent: int


def find_wrk() -> str:
    """The program. Raises BenchError where it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchError("wrk is missing: `apt-get install wrk`, or github.com/wg/wrk")
    return found


def wrk_version() -> str:
    """As wrk tells it."""
    told = subprocess.run([find_wrk(), "-v"], capture_output=True, text=True, check=False)
    words = (told.stdout + told.stderr).split()
    return words[1] if len(words) > 1 else "unknown"


def run_wrk(url: str, bodies: Sequence[str], connections: int) -> WrkReport:
    """Send each of ``bodies`` (JSON in one line) once over keep-alive ``connections``, each
    sending its next when it has its answer. Raises BenchError when an answer is missing.
    """
    if len(bodies) < connections:
        raise BenchError(f"{len(bodies)} texts cannot keep {connections} connections busy")
    with TemporaryDirectory(prefix="albert-wrk-") as directory:
        lines, report = Path(directory) / "bodies", Path(directory) / "report.json"
        lines.write_text("".join(f"{body}\n" for body in bodies), encoding="utf-8")
        command = [find_wrk(), f"-t{THREADS}", f"-c{connections}", f"-d{LIMIT_SECONDS}s"]
        command += [f"--timeout={LIMIT_SECONDS}s", "-s", str(SCRIPT), url]
        paths = {"BENCH_BODIES": str(lines), "BENCH_REPORT": str(report)}
        finished = subprocess.run(
            command, env=os.environ | paths, capture_output=True, text=True, check=False
        )
        if finished.returncode != 0 or not report.exists():
            raise BenchError(f"wrk failed:\n{(finished.stderr or finished.stdout).strip()}")
        told = json.loads(report.read_text(encoding="utf-8"))
    if told["answered"] < len(bodies):
        raise BenchError(
            f"{told['answered']} of {len(bodies)} texts were answered within {LIMIT_SECONDS} s; "
            f"socket errors: {told['socket_errors']}"
        )
    return read_report(told, connections)


def read_report(told: dict[str, Any], connections: int) -> WrkReport:
    """What the script told, with the latencies as they were measured."""
    interval = told["run_microseconds"] // (told["answered"] // connections)
    recorded = uncorrected(told["histogram"], interval)
    if sum(recorded.values()) + told["socket_errors"]["timeout"] != told["answered"]:
        raise BenchError("this wrk corrects its latencies in a way that the bench does not know")
    return WrkReport(
        seconds=told["seconds"],
        latencies=[us / 1e6 for us in sorted(recorded) for _ in range(recorded[us])],
        refusals=dict(Counter(told["refusals"].split())),
        resent=told["resent"],
    )


def uncorrected(histogram: Sequence[tuple[int, int]], interval: int) -> dict[int, int]:
    """The latencies (microseconds: how many) that wrk measured, from its final ``histogram``.

    Before it reports, wrk adds for each latency of at least twice ``interval``, the mean
    microseconds between two requests of a connection, those that requests would have had that were
    sent meanwhile at that pace: the latency less ``interval``, less twice ``interval`` and so on
    while more than ``interval`` is left (``stats_correct`` in its source). A closed loop sends no
    such requests, so they are taken out again, the longest latency first.
    """
    recorded: dict[int, int] = {}
    added: Counter[int] = Counter()
    for latency, count in sorted(histogram, reverse=True):
        measured = count - added[latency]
        if measured == 0:
            continue
        recorded[latency] = measured
        if latency >= 2 * interval:
            for earlier in range(latency - interval, interval, -interval):
                added[earlier] += measured
    return recorded
