"""Measures this project's int8 file against what other tools make of the same checkpoint.

    make bench-int8

An ALBERT-base shape with random weights, once with each head. Each file is loaded by a process of
its own, on one thread; the processes take turns, so that what else the machine does falls on all of
them, and ratios are taken within each round. OpenVINO runs in the peers' environment, everything of
onnxruntime in this one, so that files are compared and not versions.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from bench.checkpoints import BASE, Shape, write_checkpoint
from bench.errors import BenchError
from bench.machine import Machine, describe_machine
from bench.peer_process import PeerProcess, one_line, run_to_the_end
from bench.progress import Progress
from bench.repository import ROOT
from bench.rounds import rotated
from bench.statistics import paired_ratios, percentile

SHAPES = ((8, 128), (1, 128), (1, 32))  # batch, tokens
COMPARED = 8, 32  # whose logits tell whether a file is the same model
MEASURED_TOKENS = 512
"""What one process runs in its turn: a short input is repeated until it is as many tokens."""

HEADS = {"classification": ("NEGATIVE", "POSITIVE"), "question answering": None}
INT8_FLAGS = ("--precision", "int8")
"""What the exporter is told beside what it is told for fp32."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a checkpoint: ``file`` is below the directory where all are made."""

    name: str
    file: str
    runtime: str = "onnxruntime"
    weights: str = "int8"


OURS_FP32 = Way("albert-serve, fp32", "models/fp32/1/model.onnx", weights="f32")
OURS_INT8 = Way("albert-serve, int8", "models/int8/1/model.onnx")
WAYS = (
    OURS_FP32,
    OURS_INT8,
    Way("torch.onnx (traced), quantize_dynamic", "traced-int8.onnx"),
    Way("torch.onnx (dynamo), quantize_dynamic", "dynamo-int8.onnx"),
    Way("the traced one, quant_pre_process first", "traced-prepared-int8.onnx"),
    Way("the dynamo one, quant_pre_process first", "dynamo-prepared-int8.onnx"),
    Way("OpenVINO of the traced file, NNCF", "openvino-of-onnx.xml", "openvino"),
    Way("the same, told f32", "openvino-of-onnx.xml", "openvino-f32"),
    Way("OpenVINO of the torch model, NNCF", "openvino-of-torch.xml", "openvino"),
    Way("the same, told f32", "openvino-of-torch.xml", "openvino-f32"),
)


@dataclass(slots=True)
class Figures:
    """What was measured of one way, or why it could not be.

    ``seconds`` holds, for each shape, those of one run in each round; ``processor_shares`` how many
    cores were at work in each turn. ``correlation`` is that of the logits with the first way's.
    """

    way: Way
    failure: str = ""
    precision: str = ""
    file_bytes: int = 0
    grown_bytes: int = 0
    correlation: float = 0
    seconds: dict[tuple[int, int], list[float]] = field(default_factory=dict)
    processor_shares: list[float] = field(default_factory=list)


def main(
    peers: Annotated[Path, typer.Option(metavar="PYTHON", help="Python of their environment.")],
    rounds: Annotated[int, typer.Option(help="How often each file is timed.", min=1)] = 9,
) -> None:
    """Print Markdown tables, one pair for each head."""
    machine, peers = describe_machine(), peers.absolute()
    try:
        with Progress(Console(stderr=True)) as progress:
            for head, labels in HEADS.items():
                with TemporaryDirectory(prefix="albert-int8-peers-") as directory:
                    progress.step(f"{head}: making the files, which takes minutes")
                    failures, versions = make_files(Path(directory), labels, peers)
                    figures = measure(WAYS, Path(directory), failures, peers, rounds, progress)
                print(f"## {head}\n\n{time_table(figures)}\n\n{ratio_table(figures)}\n")
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(conditions(machine, versions, rounds))


def make_files(
    directory: Path, labels: tuple[str, ...] | None, peers: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Make the file of every way below ``directory``. Returns why those that are missing could not
    be made, and the versions of the peers' tools.
    """
    checkpoint = write_checkpoint(directory / "checkpoint", shape=BASE, labels=labels)
    failures = export_ours(checkpoint, directory / "models")
    # In a directory of its own, where the tools may leave files, and with this clone's modules.
    run_to_the_end(
        [peers, "-m", "bench.peer_files", checkpoint, directory],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    report = json.loads((directory / "made.json").read_text(encoding="utf-8"))
    return failures | report["failures"], report["versions"]


def export_ours(checkpoint: Path, models: Path) -> dict[str, str]:
    """Export every precision. Returns why the int8 file could not be made; without the fp32 file
    there is nothing to measure.
    """
    failures = {}
    for way, flags in ((OURS_FP32, ()), (OURS_INT8, INT8_FLAGS)):
        name = Path(way.file).parts[1]
        command = [sys.executable, "-m", "export", checkpoint, "--name", name, *flags]
        try:
            run_to_the_end([*command, "--output", models], cwd=ROOT)
        except BenchError as error:
            failures[way.file] = str(error)
    if OURS_FP32.file in failures:
        raise BenchError(f"the fp32 export failed: {failures[OURS_FP32.file]}")
    return failures


def measure(
    ways: Sequence[Way],
    directory: Path,
    failures: Mapping[str, str],
    peers: Path,
    rounds: int,
    progress: Progress,
    shape: Shape = BASE,
) -> list[Figures]:
    """The figures of every way; the first, which must run, is what the others must agree with."""
    figures = [Figures(way, one_line(failures.get(way.file, ""))) for way in ways]
    running: list[tuple[Figures, PeerProcess]] = []
    with ExitStack() as stack:
        expected = None
        for each in figures:
            if each.failure:
                continue
            progress.step(f"loading {each.way.file}")
            python = peers if each.way.runtime.startswith("openvino") else Path(sys.executable)
            file = directory / each.way.file
            try:
                process = stack.enter_context(PeerProcess(python, each.way.runtime, file))
                each.grown_bytes = process.run(random_ids(1, 32, shape), 0).grown_bytes
                logits = process.run(random_ids(*COMPARED, shape), 0).logits
                expected = logits if expected is None else expected
                each.correlation = correlation(logits, expected)
            except BenchError as error:
                each.failure = str(error)
                continue
            each.precision = process.precision
            each.file_bytes = sum(
                part.stat().st_size for part in file.parent.glob(f"{file.stem}.*")
            )
            running.append((each, process))
        if figures[0].failure:
            raise BenchError(f"{ways[0].name}: {figures[0].failure}")
        for batch, tokens in SHAPES:
            ids, runs = (
                random_ids(batch, tokens, shape),
                max(1, MEASURED_TOKENS // (batch * tokens)),
            )
            for number in range(rounds):
                progress.step(f"{batch} x {tokens}, round {number + 1} of {rounds}")
                for each, process in rotated(running, number):
                    ran = process.run(ids, runs)
                    each.seconds.setdefault((batch, tokens), []).append(ran.seconds / runs)
                    each.processor_shares.append(ran.processor_seconds / ran.seconds)
    return figures


def random_ids(batch: int, tokens: int, shape: Shape) -> NDArray[np.int64]:
    """Ids of no special token, int64 [batch, tokens], always the same."""
    return np.random.default_rng(0).integers(5, shape.vocab_size, (batch, tokens))


def correlation(logits: Sequence[float], expected: Sequence[float]) -> float:
    """That of two files' logits; what cannot be compared is refused."""
    if len(logits) != len(expected) or not np.isfinite(logits).all():
        raise BenchError("its logits are not as many as those of the fp32 file, or not finite")
    return float(np.corrcoef(logits, expected)[0, 1])


def time_table(figures: Sequence[Figures]) -> str:
    """Sizes, and the median milliseconds of one run; or why there are none."""
    times = [f"{batch} x {tokens}, ms" for batch, tokens in SHAPES]
    header = ["", "file, MiB", "resident, MiB", "computes in", "logits", "cores", *times]
    rows = []
    for each in figures:
        if each.failure:
            rows.append([each.way.name, f"failed: {each.failure}", *[""] * (len(header) - 2)])
            continue
        cells = [f"{each.file_bytes / 2**20:.1f}", f"{each.grown_bytes / 2**20:.0f}"]
        cells += [", ".join(dict.fromkeys((each.way.weights, each.precision)))]
        cells += [f"{each.correlation:.3f}", f"{median(each.processor_shares):.2f}"]
        cells += [f"{median(each.seconds[shape]) * 1e3:.1f}" for shape in SHAPES]
        rows.append([each.way.name, *cells])
    return markdown(header, rows)


def ratio_table(figures: Sequence[Figures]) -> str:
    """Times as multiples of both of our files', with the quartiles of the ratios in each round."""
    measured = [each for each in figures if not each.failure]
    bases = [each for each in measured if each.way in (OURS_FP32, OURS_INT8)]
    header = ["time as a multiple of"]
    for base in bases:
        header += [f"{base.way.name}: {batch} x {tokens}" for batch, tokens in SHAPES]
    rows = [
        [
            each.way.name,
            *(
                ratio_cell(each.seconds[shape], base.seconds[shape])
                for base in bases
                for shape in SHAPES
            ),
        ]
        for each in measured
    ]
    return markdown(header, rows)


def ratio_cell(seconds: Sequence[float], base: Sequence[float]) -> str:
    """Median and quartiles of the ratios within each round; 1 alone of a base to itself."""
    if seconds is base:
        return "1"
    ratios = paired_ratios(seconds, base)
    middle, low, high = (percentile(ratios, share) for share in (0.5, 0.25, 0.75))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions(machine: Machine, versions: Mapping[str, str], rounds: int) -> str:
    """What the tables hold, and on what it was measured."""
    tools = ", ".join(f"{tool} {number}" for tool, number in versions.items())
    return (
        f"Wall time on one thread, medians of {rounds} interleaved rounds; ratios are medians of "
        "those within each round, with their quartiles. Resident: what a fresh process gains by "
        "loading the file and one run of 1 x 32. Logits: their correlation with those of the fp32 "
        "file, which shows that a file is the same model and, with random weights and calibration "
        "on random ids, nothing about accuracy. Cores: processor time by wall time, 1 where the "
        f"machine had nothing else to do. {machine.processor}, {machine.cores} cores, load "
        f"{machine.load_before:.2f} at the start, {machine.started}, commit {machine.commit}; "
        f"ONNX files run by onnxruntime {machine.packages['onnxruntime']}, made with {tools}."
    )


if __name__ == "__main__":
    typer.run(main)
