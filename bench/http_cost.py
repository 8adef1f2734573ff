"""``python -m bench.http_cost``: what each part of a request's way through the service costs.

The server has one core and the load generator another. Every step of the way is a server of its own
(``bench.http_steps``); they take turns, so that what else the machine does falls on all of them,
and shares are taken within each round.
"""

import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.console import Console

from bench.checkpoints import SENTENCES, Shape
from bench.errors import BenchError
from bench.http_ladder import STEPS, Step, Turn, shares, table
from bench.load import bodies_of, run_generator
from bench.load_generator import Job
from bench.machine import Machine, describe_machine
from bench.marked_page import split_page, write_between
from bench.progress import Progress
from bench.repository import ROOT
from bench.rounds import rotated
from bench.service_process import HOST
from bench.subject import NAME, export_model

REFUSED = 1
WORDS = 12
"""Of a text: about as many tokens, special ones apart."""
WARMING_REQUESTS = 500
BEGIN = "<!-- figures: written by `python -m bench.http_cost`, do not edit -->"
END = "<!-- end of figures -->"

SMALL = Shape(num_hidden_layers=1)
"""A model of one layer of 32: its run costs about what validation does."""


def main() -> None:
    """Run the command line."""
    typer.run(_http_cost)


def _http_cost(
    requests: Annotated[int, typer.Option(help="In each turn of each server.", min=100)] = 6000,
    rounds: Annotated[int, typer.Option(help="Turns of each server.", min=1)] = 5,
    connections: Annotated[int, typer.Option(help="Kept busy at once.", min=1)] = 32,
    models: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the default models are.")
    ] = ROOT / "models",
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table there, between its marks.")
    ] = None,
) -> None:
    """Tell what each part of a request's way costs, on one core."""
    try:
        if page is not None:
            split_page(page, BEGIN, END)  # found wrong now, not after all the measuring
        machine = describe_machine()
        with Progress(Console(stderr=True)) as progress:
            turns = measure(requests, rounds, connections, models, progress)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error
    about = (
        f"Medians of {rounds} interleaved rounds of {requests} requests (a tenth of them with the "
        f"default model) on {connections} connections; lowest and highest in brackets."
    )
    text = "\n\n".join([about, _machine_line(machine), table(turns), shares(turns)])
    print(text)
    if page is not None:
        write_between(page, BEGIN, END, [text])


def measure(
    requests: int, rounds: int, connections: int, default_models: Path, progress: Progress
) -> dict[str, list[Turn]]:
    """The turns of every step, by its name, in the order of the rounds."""
    server_core, load_core = _two_cores()
    turns: dict[str, list[Turn]] = {step.name: [] for step in STEPS}
    with ExitStack() as stack:
        progress.step("exporting the model")
        directory = stack.enter_context(TemporaryDirectory(prefix="albert-bench-"))
        small_models = export_model(SMALL, Path(directory))
        stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, {server_core})  # which each server inherits
        servers = {
            step.name: stack.enter_context(
                StepProcess(step, small_models if step.model == NAME else default_models)
            )
            for step in STEPS
        }
        os.sched_setaffinity(0, {load_core})  # and each load generator this
        bodies = bodies_of(_texts(requests))
        for step in STEPS:
            servers[step.name].turn(bodies[:WARMING_REQUESTS], connections)
        for number in range(rounds):
            for step in rotated(STEPS, number):
                progress.step(f"round {number + 1} of {rounds}: {step.says}")
                part = bodies_for(step, bodies)
                turns[step.name].append(servers[step.name].turn(part, connections))
    return turns


class StepProcess:
    """The server of one step, ready when the ``with`` block begins."""

    def __init__(self, step: Step, models: Path) -> None:
        self._step = step
        self._models = models

    def __enter__(self) -> Self:
        name = "whole" if self._step.name == "default" else self._step.name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.http_steps", name, str(self._models.resolve())],
            cwd=ROOT,
            env=_plain_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the server of the step {name!r} did not start")
        self._port = int(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate()

    def turn(self, bodies: list[str], connections: int) -> Turn:
        """Have all ``bodies`` answered. Raises BenchError unless each was, as it should."""
        job = Job(HOST, self._port, f"/v1/models/{self._step.model}", connections, bodies)
        loop_before, others_before = _thread_seconds(self._process.pid)
        report = run_generator(job)
        loop, others = _thread_seconds(self._process.pid)
        if set(report.statuses) != {self._step.status}:
            raise BenchError(f"{self._step.says}: answered {sorted(set(report.statuses))}")
        count = len(bodies)
        return Turn(
            (loop - loop_before) / count, (others - others_before) / count, count / report.seconds
        )


def _thread_seconds(process_id: int) -> tuple[float, float]:
    """Processor seconds of the first thread of a process, which has the event loop, and of all its
    others together (proc(5), ``schedstat``).
    """
    loop = others = 0
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        nanoseconds = int((thread / "schedstat").read_text().split()[0])
        if thread.name == str(process_id):
            loop = nanoseconds
        else:
            others += nanoseconds
    return loop / 1e9, others / 1e9


def _texts(count: int) -> list[str]:
    """Texts of ``WORDS`` words, hardly any twice: identical ones could be answered by one run."""
    words = " ".join(SENTENCES).split()
    source = random.Random(0)
    return [" ".join(source.choices(words, k=WORDS)) for _ in range(count)]


def bodies_for(step: Step, bodies: list[str]) -> list[str]:
    """What a turn of ``step`` asks: fewer of the default model, which takes its time, and of the
    cache only what warming put there.
    """
    if step.name == "cached":
        return (bodies[:WARMING_REQUESTS] * (len(bodies) // WARMING_REQUESTS + 1))[: len(bodies)]
    return bodies if step.model == NAME else bodies[: len(bodies) // 10]


def _two_cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("server and load generator need a core each, and there is only one")
    return cores[0], cores[1]


def _plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("ALBERT_")}


def _machine_line(machine: Machine) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{machine.processor}, one core for the server and one for the load; {machine.system}, "
        f"Python {machine.python}, {packages}; commit {machine.commit or 'none'}, "
        f"{machine.started}, load average just before {machine.load_before:.2f}."
    )


if __name__ == "__main__":
    main()
