"""Runs an exported model as the service does, without the service: tokenising, graph, decoding."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model_directory.integrity import open_version
from service.registry import LoadedModel, load_model

ROWS_AT_ONCE = 8


def open_model(directory: Path) -> LoadedModel:
    """The verified model of ``directory`` (``models/NAME/VERSION``)."""
    return load_model(open_version(directory), time.perf_counter())


def answer_all(
    model: LoadedModel, inputs: Sequence[Any], request: Callable[[Sequence[Any]], Any]
) -> list[Any]:
    """Results of all inputs in order, a few rows of like length in a run."""
    order = sorted(range(len(inputs)), key=lambda place: len(str(inputs[place])))
    results: dict[int, Any] = {}
    for first in range(0, len(order), ROWS_AT_ONCE):
        places = order[first : first + ROWS_AT_ONCE]
        prepared = model.task.prepare(request([inputs[place] for place in places]))
        logits = model.session.run(prepared.sequences)
        results.update(zip(places, model.task.decode(prepared, logits), strict=True))
    return [results[place] for place in range(len(inputs))]
