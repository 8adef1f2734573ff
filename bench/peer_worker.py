"""Runs one graph on one thread, as asked: ``python -m bench.peer_worker RUNTIME FILE``.

A line of JSON on standard input asks for runs, one on standard output answers; the first answer
says that the graph is loaded, or why it is not. Needs numpy and the runtime, nothing else, so that
the peers' environment can run it. ``bench.peer_process`` is the other end.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.process_memory import read_memory

Feeds = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A loaded graph; ``run`` gives its outputs in their order.

    ``precision`` is that of what is not int8. ``resident_bytes_before`` counts the runtime, but not
    the graph.
    """

    run: Callable[[Feeds], Sequence[NDArray[np.float32]]]
    precision: str
    resident_bytes_before: int


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the runtime prints is no answer
    runtime, file = sys.argv[1:]
    try:
        opened = RUNTIMES[runtime](file)
    except Exception as error:
        print(json.dumps({"failure": f"{type(error).__name__}: {error}"}), file=answers)
        return
    print(json.dumps({"precision": opened.precision}), file=answers)
    for line in sys.stdin:
        print(json.dumps(run(opened, **json.loads(line))), file=answers)


def run(opened: Opened, ids: list[list[int]], runs: int) -> dict[str, Any]:
    """Run ``ids`` (int64 [batch, tokens], nothing padded) once uncounted, which fills the caches,
    and then ``runs`` times.

    Returns wall seconds and processor seconds (those of all threads) of the counted runs together,
    the resident bytes that this process has gained since it began to load the graph, and the first
    output of the first run, flat.
    """
    array = np.array(ids, dtype=np.int64)
    feeds = {
        "input_ids": array,
        "attention_mask": np.ones_like(array),
        "token_type_ids": np.zeros_like(array),
    }
    logits = opened.run(feeds)[0]
    started, processor = time.perf_counter(), time.process_time()
    for _ in range(runs):
        opened.run(feeds)
    return {
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - processor,
        "grown_bytes": _resident_bytes() - opened.resident_bytes_before,
        "logits": logits.ravel().tolist(),
    }


def open_in_onnxruntime(file: str) -> Opened:
    """Open an ONNX file with one intra-op thread and otherwise onnxruntime's defaults."""
    from bench.in_process import load_session

    before = _resident_bytes()
    session = load_session(Path(file), 1)
    return Opened(lambda feeds: session.run(None, feeds), "f32", before)


def open_in_openvino(file: str, precision: str | None = None) -> Opened:
    """Compile an OpenVINO file for one thread; without ``precision`` OpenVINO chooses."""
    refuse_telemetry()
    import openvino

    core = openvino.Core()
    core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin, which is part of the runtime
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if precision is not None:
        settings["INFERENCE_PRECISION_HINT"] = precision
    before = _resident_bytes()
    compiled = core.compile_model(file, "CPU", settings)
    request = compiled.create_infer_request()
    chosen = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return Opened(lambda feeds: list(request.infer(feeds).values()), chosen, before)


def refuse_telemetry() -> None:
    """Keep OpenVINO and NNCF, imported after this, from reporting their use to Intel."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


RUNTIMES: dict[str, Callable[[str], Opened]] = {
    "onnxruntime": open_in_onnxruntime,
    "openvino": open_in_openvino,
    "openvino-f32": lambda file: open_in_openvino(file, "f32"),
}


def _resident_bytes() -> int:
    return read_memory(os.getpid()).resident_bytes


if __name__ == "__main__":
    main()
