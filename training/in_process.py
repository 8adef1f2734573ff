"""Runs an exported model as the service does, without the service: tokenising, graph, decoding."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from model_directory.integrity import open_version
from service.registry import LoadedModel, load_model
from service.runtime.session import Logits
from service.tasks.task import Prepared

ROWS_AT_ONCE = 8


def open_model(directory: Path) -> LoadedModel:
    """The verified model of ``directory`` (``models/NAME/VERSION``)."""
    return load_model(open_version(directory), time.perf_counter())


def answer_all(
    model: LoadedModel, inputs: Sequence[Any], request: Callable[[Sequence[Any]], Any]
) -> list[Any]:
    """Results of all inputs in order, a few rows of like length in a run."""
    results: dict[int, Any] = {}
    for places, prepared, logits in runs(model, inputs, request):
        results.update(zip(places, model.task.decode(prepared, logits), strict=True))
    return [results[place] for place in range(len(inputs))]


def runs(
    model: LoadedModel, inputs: Sequence[Any], request: Callable[[Sequence[Any]], Any]
) -> Iterator[tuple[list[int], Prepared[Any], list[Logits]]]:
    """For a few inputs of like length at a time: their places, their rows, and the rows' logits."""
    order = sorted(range(len(inputs)), key=lambda place: len(str(inputs[place])))
    for first in range(0, len(order), ROWS_AT_ONCE):
        places = order[first : first + ROWS_AT_ONCE]
        prepared = model.task.prepare(request([inputs[place] for place in places]))
        yield places, prepared, model.session.run(prepared.sequences)
