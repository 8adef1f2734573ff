"""How long a graph takes on this machine, beside another."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from export.config import AlbertConfig
from export.parity import ParitySequence, open_session, run_batch
from export.progress import Progress
from model_directory.manifest import Speed

SHAPES = ((1, 32), (1, 128))  # batch, tokens
_STAGE = "measuring its speed"
_SECONDS = 2.0  # for each shape
_LEAST_ROUNDS = 3
_MOST_ROUNDS = 101


def measure_speed(
    config: AlbertConfig, graph: bytes, fp32: bytes | None, progress: Progress
) -> tuple[Speed, ...]:
    """Time the graph, and by turns the ``fp32`` one, with one thread: medians in milliseconds."""
    given = [graph] if fp32 is None else [graph, fp32]
    sessions = [open_session(each, threads=1) for each in given]
    speeds = []
    for place, (batch, tokens) in enumerate(SHAPES):
        progress(_STAGE, place, len(SHAPES))
        tokens = min(tokens, config.max_position_embeddings)
        milliseconds = _medians(sessions, _rows(config, batch, tokens))
        speeds.append(
            Speed(
                batch=batch,
                tokens=tokens,
                milliseconds=milliseconds[0],
                fp32_milliseconds=None if fp32 is None else milliseconds[1],
                processor=processor(),
            )
        )
    return tuple(speeds)


def _medians(
    sessions: Sequence[onnxruntime.InferenceSession], rows: Sequence[ParitySequence]
) -> list[float]:
    for session in sessions:
        run_batch(session, rows, pad_id=0)
    times: list[list[float]] = [[] for _ in sessions]
    started = time.perf_counter()
    while len(times[0]) < _LEAST_ROUNDS or (
        time.perf_counter() - started < _SECONDS and len(times[0]) < _MOST_ROUNDS
    ):
        for session, seconds in zip(sessions, times, strict=True):
            begun = time.perf_counter()
            run_batch(session, rows, pad_id=0)
            seconds.append(time.perf_counter() - begun)
    return [round(1e3 * statistics.median(each), 3) for each in times]


def _rows(config: AlbertConfig, batch: int, tokens: int) -> list[ParitySequence]:
    ids = np.random.default_rng(0).integers(0, config.vocab_size, (batch, tokens))
    return [ParitySequence(tuple(row.tolist()), (0,) * tokens) for row in ids]


def processor() -> str:
    """Return the name of the processor, and how many of them this process may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} cores"
