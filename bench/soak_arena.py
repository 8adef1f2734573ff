"""What onnxruntime's memory arena holds after runs of every shape that the service may form.

onnxruntime tells Python nothing of its arena, but its log does: whenever the arena grows, with its
new size. ``python -m bench.soak_arena MODEL THREADS RUNS`` runs a model directory's graph in the
service's own session with that log on; ``measure_arena`` starts it and reads the log.
"""

import os
import random
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.errors import BenchError
from bench.repository import ROOT
from model_directory.integrity import open_version
from service.settings import Settings

RUNS = 100
LONGEST = 512
LOADED, QUARTER = "loaded", "a quarter"
"""Marks in the log."""
GREW = re.compile(r"Total allocated bytes: (\d+)")


@dataclass(frozen=True, slots=True)
class Arena:
    """Bytes that the arena had taken from the system when the model was loaded, after a quarter of
    ``runs`` runs, and after all.
    """

    runs: int
    loaded_bytes: int
    quarter_bytes: int
    final_bytes: int


def shapes(count: int, padded_tokens: int, longest: int = LONGEST) -> list[tuple[int, int]]:
    """``count`` shapes of a batch (rows, tokens) in a random order: any length up to ``longest``
    with any number of rows that ``padded_tokens`` allow, the largest of them included.
    """
    source = random.Random(0)
    chosen = [(1, longest), (1, padded_tokens), (padded_tokens // 4, 4)]
    while len(chosen) < count:
        length = source.randint(4, longest)
        chosen.append((source.randint(1, max(1, padded_tokens // length)), length))
    source.shuffle(chosen)
    return chosen[:count]


def measure_arena(model: Path, threads: int, runs: int = RUNS) -> Arena:
    """Run the model under ``model``, a version directory, in ``threads`` threads at once."""
    command = [sys.executable, "-m", "bench.soak_arena", str(model), str(threads), str(runs)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise BenchError(f"the arena could not be measured:\n{finished.stderr[-2000:].strip()}")
    return read_log(finished.stderr, runs)


def read_log(log: str, runs: int) -> Arena:
    """The arena's sizes at the marks and at the end. Raises BenchError when it never grew."""
    size = 0
    sizes: dict[str, int] = {}
    for line in log.splitlines():
        if line in (LOADED, QUARTER):
            sizes[line] = size
        elif found := GREW.search(line):
            size = int(found[1])
    if not size:
        raise BenchError("onnxruntime's log says nothing of an arena")
    return Arena(runs, sizes[LOADED], sizes[QUARTER], size)


def _run(model: Path, threads: int, runs: int) -> None:
    import onnxruntime as ort

    ort.set_default_logger_severity(1)
    from service.runtime.memory import share_arena
    from service.runtime.sequence import Sequence
    from service.runtime.session import Session

    share_arena()
    version = open_version(model)
    session = Session(version.model, pad_token_id=version.manifest.tokenizer.pad_token_id)
    waiting = shapes(runs, int(Settings.model_fields["max_batch_tokens"].default))
    taking = threading.Lock()

    def work() -> None:
        while True:
            with taking:
                if len(waiting) == runs - runs // 4:
                    _mark(QUARTER)
                if not waiting:
                    return
                rows, length = waiting.pop()
            row = Sequence(np.full(length, 5), np.zeros(length, dtype=np.int64))
            session.run([row] * rows)

    _mark(LOADED)
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _mark(name: str) -> None:
    """A line of its own, in one piece: onnxruntime writes there from other threads."""
    os.write(sys.stderr.fileno(), f"\n{name}\n".encode())


if __name__ == "__main__":
    _run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
