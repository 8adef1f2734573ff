"""The first requests a newcomer can paste: one curl line for each task that is loaded."""

import json
import os
import sys

from model_directory.manifest import Task
from service.registry import ModelUnavailableError, NoSuchModelError, Registry

BODIES = {
    Task.SENTIMENT: {"inputs": "A warm, funny film that I will watch again."},
    Task.CLASSIFICATION: {
        "inputs": "The striker scored twice as the home team won the cup final on Saturday."
    },
    Task.QUESTION_ANSWERING: {
        "inputs": {
            "question": "Where was the treaty signed?",
            "context": "The treaty was signed in Lisbon on 13 December 2007 by all member states.",
        }
    },
}


KEY = '-H "Authorization: Bearer $ALBERT_API_KEY" '


def curl_lines(registry: Registry, base_url: str, *, has_keys: bool = False) -> list[str]:
    """Shell lines that ask each task's route, for the tasks that ``registry`` can answer; with a
    key in a variable, where the service asks for one. ``-w`` puts the prompt on a line of its own.
    """
    key = KEY if has_keys else ""
    lines = []
    for task, body in BODIES.items():
        try:
            registry.default(task)
        except (NoSuchModelError, ModelUnavailableError):
            continue
        lines.append(
            f"curl -w '\\n' {base_url}/v1/{task} {key}-H 'Content-Type: application/json' "
            f"-d '{json.dumps(body)}'"
        )
    return lines


def greeting(registry: Registry, base_url: str, *, has_keys: bool = False) -> str:
    """What ``albert-serve --examples`` prints once it is ready."""
    lines = "\n\n".join(curl_lines(registry, base_url, has_keys=has_keys))
    routes = ", ".join(f"/v1/models/{model.name}" for model in registry.loaded)
    return (
        f"\nalbert-serve is ready on {base_url}; Ctrl-C stops it, {base_url}/docs describes it.\n"
        f"In another terminal, try:\n\n{lines}\n\n"
        f"Each model has a route of its own too: {routes}\n"
    )


def show(text: str) -> None:
    """Print ``text`` at once. OSError where nobody takes it; the exit does not try again then."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
