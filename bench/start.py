"""Seconds from the start of the process to ready, and memory once there."""

import time
from pathlib import Path

from bench.progress import Progress
from bench.results import Start
from bench.service_process import ServiceProcess
from model_directory.catalogue import list_models

SETTLE_SECONDS = 0.5
"""After ready, until memory is read: the answers to the last questions are over then."""


def has_models(models: Path) -> bool:
    """Whether there is a model to start with."""
    return models.is_dir() and bool(list_models(models))


def measure_starts(models: Path, starts: int, progress: Progress) -> list[Start]:
    """Start the service ``starts`` times, after one start that reads the files into the page
    cache.
    """
    measured = []
    for number in range(starts + 1):
        progress.step(f"start with the default models, {number} of {starts}")
        with ServiceProcess(models) as service:
            measured.append(settled(service))
    return measured[1:]


def settled(service: ServiceProcess) -> Start:
    """The start of a service that has just become ready."""
    time.sleep(SETTLE_SECONDS)
    return Start(service.ready_seconds, service.memory())
