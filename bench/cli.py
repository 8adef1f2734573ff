"""``python -m bench``: measures, and tells the terminal, a JSON file and the page."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import BenchError
from bench.figures import sections_of
from bench.in_process import InProcess, schemes
from bench.latency import measure_latency
from bench.machine import describe_machine
from bench.marked_page import split_page
from bench.page import BEGIN, END, write_figures
from bench.plan import FULL, QUICK, Plan
from bench.progress import Progress
from bench.repository import ROOT
from bench.results import Results
from bench.service_process import ServiceProcess
from bench.start import has_models, measure_starts, settled
from bench.subject import export_model, prepare_subject
from bench.table import print_sections
from bench.throughput import measure_throughput

REFUSED = 1
ROOM_SECONDS = 60
"""Of predicted work that may wait in the measured service: more than all connections can bring, so
that none is refused.
"""


def main() -> None:
    """Run the command line."""
    typer.run(_bench)


def _bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Show in seconds that everything runs; no figures.")
    ] = False,
    models: Annotated[
        Path, typer.Option(metavar="DIR", help="Default models, for start and memory.")
    ] = ROOT / "models",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every raw figure there (JSON).")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the tables there. Default: docs/performance.md, with --quick none.",
        ),
    ] = None,
) -> None:
    """Compare the service with what onnxruntime does in process, on this machine."""
    plan = QUICK if quick else FULL
    if page is None and not quick:
        page = ROOT / "docs" / "performance.md"
    try:
        if page is not None:
            split_page(page, BEGIN, END)  # found wrong now, not after all the measuring
        _measure_and_tell(plan, models, output, page)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(REFUSED) from error


def _measure_and_tell(plan: Plan, models: Path, output: Path | None, page: Path | None) -> None:
    machine = describe_machine()
    start = time.monotonic()
    with Progress(Console(stderr=True)) as progress:
        results = measure(plan, machine.cores, models, progress)
    minutes = (time.monotonic() - start) / 60
    about = (
        f"Medians of {plan.rounds} interleaved rounds of {plan.texts} texts; "
        f"the whole took {minutes:.1f} minutes."
    )
    sections = sections_of(results, cores=machine.cores)
    console = Console()
    print_sections(sections, console)
    console.print(about)
    if page is not None:
        write_figures(page, machine, sections, about)
    if output is not None:
        raw = {"plan": asdict(plan), "machine": asdict(machine), "results": asdict(results)}
        output.write_text(json.dumps(raw, indent=1), encoding="utf-8")


def measure(plan: Plan, cores: int, default_models: Path, progress: Progress) -> Results:
    """Everything that ``plan`` asks for."""
    with TemporaryDirectory(prefix="albert-bench-") as directory:
        progress.step("exporting the model")
        models = export_model(plan.shape, Path(directory))
        measured = []
        for load in plan.loads:
            subject = prepare_subject(models, load.mix.sample(plan.texts))
            in_process = InProcess(subject.model_file, subject.rows, subject.pad_token_id)
            measured.append((load, subject, in_process))
        with ServiceProcess(models, "--max-queue-seconds", str(ROOM_SECONDS)) as service:
            subject_start = settled(service)
            throughputs = [
                measure_throughput(
                    service,
                    in_process,
                    subject,
                    schemes(cores),
                    load,
                    rounds=plan.rounds,
                    progress=progress,
                )
                for load, subject, in_process in measured
            ]
            _, subject, in_process = measured[0]
            latency = measure_latency(
                service,
                in_process,
                subject,
                cores=cores,
                positions=range(plan.lone_texts),
                rounds=plan.rounds,
                progress=progress,
            )
            subject_memory_after = service.memory()
    starts = (
        measure_starts(default_models, plan.starts, progress)
        if has_models(default_models)
        else None
    )
    return Results(throughputs, latency, subject_start, subject_memory_after, starts)
