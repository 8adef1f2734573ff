"""Measures what a simulation needs to know: run times in process, and the cost of HTTP."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean
from typing import NamedTuple

import numpy as np

from bench.checkpoints import Shape as ModelShape
from bench.load import bodies_of, run_load
from bench.load_generator import Job
from bench.service_process import HOST, ServiceProcess
from bench.simulation_profile import RunTimes, Shape
from bench.subject import export_model, prepare_subject
from model_directory.integrity import open_version
from service.registry import load_model
from service.runtime.priority import be_overtaken
from service.runtime.sequence import Sequence as Row

LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
ROWS = (1, 2, 4, 8, 16, 32)
UNLIKE = (
    (32, *[16] * 14),
    (32, 8, 8),
    (64, *[32] * 6),
    (64, 16, 16),
    (96, *[40] * 4),
    (128, 64, 64),
    (128, 32, 32),
    (192, 64),
)
"""Lengths of rows that are run together where the model packs: at most half is padding."""

TOKENS = 256
"""Most tokens of a measured run of several rows: the budget of the service."""

THIN = ModelShape(vocab_size=30_000, max_position_embeddings=512)
"""Tokenises as ALBERT-base does and computes next to nothing."""

THIN_CONNECTIONS = 8

IDLE_SECONDS = 0.02
"""Before each wide run that is timed: in the service a lone text comes to caches that others have
used meanwhile, and to cores that sleep."""


class _BatchSize(NamedTuple):
    """How many, the tokens of the longest, and those of all."""

    rows: int
    longest: int
    tokens: int


class RunTimer:
    """Times runs of a model in process, as the service would run it on ``workers`` workers."""

    def __init__(self, version: Path, workers: int) -> None:
        self._workers = workers
        self._model = load_model(open_version(version), time.perf_counter(), cores=workers)
        longest = self._model.manifest.max_tokens
        lengths = [length for length in LENGTHS if length <= longest]
        batches = [[n] * rows for n in lengths for rows in ROWS if rows == 1 or rows * n <= TOKENS]
        if self.packs:
            batches += [list(unlike) for unlike in UNLIKE if max(unlike) <= longest]
        self._rows = {_shape(batch): list(map(_row, batch)) for batch in batches}
        self._narrow: dict[_BatchSize, list[float]] = defaultdict(list)
        self._wide: dict[_BatchSize, list[float]] = defaultdict(list)

    def measure(self, seconds: float) -> None:
        """Go on for about ``seconds``, and at least until every shape has been run once more: on
        all workers at once first, then one wide run after the other, the cores idle between them.
        """
        wide = [shape for shape in self._rows if shape.rows == 1] if self._widens else []
        share = len(wide) / (len(wide) + len(self._rows))
        end = time.perf_counter() + seconds * (1 - share)
        threads = [
            threading.Thread(target=self._time_runs, args=(Random(number), end))
            for number in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end = time.perf_counter() + seconds * share
        while wide:
            for shape in wide:
                time.sleep(IDLE_SECONDS)
                self._wide[shape].append(self._seconds(shape, wide=True))
            if time.perf_counter() > end:
                break

    @property
    def narrow(self) -> RunTimes:
        """Of all that was measured so far."""
        return RunTimes(_means(self._narrow))

    @property
    def wide(self) -> RunTimes | None:
        """The same of wide runs, if there were any."""
        return RunTimes(_means(self._wide)) if self._wide else None

    @property
    def packs(self) -> bool:
        """Whether the model computes nothing but attention at padded positions."""
        return self._model.session.packs

    @property
    def _widens(self) -> bool:
        return self._model.session.widens

    def _time_runs(self, random: Random, end: float) -> None:
        be_overtaken()
        shapes = list(self._rows)
        measured: dict[_BatchSize, list[float]] = defaultdict(list)
        while not measured or time.perf_counter() < end:
            random.shuffle(shapes)
            for shape in shapes:
                measured[shape].append(self._seconds(shape, wide=False))
        for shape, seconds in measured.items():
            self._narrow[shape] += seconds

    def _seconds(self, shape: _BatchSize, *, wide: bool) -> float:
        start = time.perf_counter()
        self._model.session.run(self._rows[shape], wide=wide)
        return time.perf_counter() - start


def measure_http(directory: Path, lengths: Sequence[int]) -> float:
    """Seconds of the event loop for one request of a text of one of ``lengths`` (tokens): what is
    between two answers of a service whose model takes next to no time.
    """
    models = export_model(THIN, directory)
    subject = prepare_subject(models, lengths)
    with ServiceProcess(models) as service:
        job = Job(HOST, service.port, subject.path, THIN_CONNECTIONS, bodies_of(subject.texts))
        run_load(replace(job, bodies=bodies_of([subject.texts[i] for i in subject.warm_up])))
        return run_load(job).seconds / len(job.bodies)


def _shape(lengths: Sequence[int]) -> _BatchSize:
    return _BatchSize(len(lengths), max(lengths), sum(lengths))


def _row(length: int) -> Row:
    random = np.random.default_rng(length)
    return Row(random.integers(4, 100, length), np.zeros(length, dtype=np.int64))


def _means(measured: dict[_BatchSize, list[float]]) -> list[Shape]:
    return [
        Shape(*shape, mean(seconds), len(seconds)) for shape, seconds in sorted(measured.items())
    ]
