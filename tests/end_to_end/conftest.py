"""Small random models of every task, made by the exporter, and one whose runs take long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.checkpoints import Shape, write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from tests.server import ServerProcess

SLOW = Shape(
    hidden_size=192,
    intermediate_size=768,
    num_attention_heads=3,
    num_hidden_layers=12,
    max_position_embeddings=256,
)
"""A row of 256 tokens keeps a core busy for some ten milliseconds."""

TOPICS = ("World", "Sports", "Business", "Sci/Tech")
DEFAULT_MODELS = Path(__file__).parents[2] / "models"


def export(home: Path, name: str, *, default: bool = False, **checkpoint: Any) -> None:
    """Write a random checkpoint and export it to ``home/models/name/1``."""
    source = write_checkpoint(home / "checkpoints" / name, **checkpoint)
    request = ExportRequest(source, name, home / "models", default=default)
    export_checkpoint(request, lambda *_: None)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six models of 64 tokens at most, of every task and problem type."""
    home = tmp_path_factory.mktemp("tiny")
    export(home, "sentiment", labels=("negative", "positive"), seed=1)
    export(home, "topics", labels=TOPICS, seed=2)
    export(home, "qa", labels=None, seed=3)
    export(
        home,
        "tags",
        labels=("red", "green", "blue"),
        problem_type="multi_label_classification",
        seed=4,
    )
    export(home, "stars", labels=("stars",), problem_type="regression", seed=5)
    export(home, "one", labels=("spam",), seed=6)
    return home / "models"


@pytest.fixture(scope="session")
def slow_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``sentiment`` and ``qa`` of 256 tokens whose runs take long."""
    home = tmp_path_factory.mktemp("slow")
    export(home, "sentiment", labels=("negative", "positive"), shape=SLOW)
    export(home, "qa", labels=None, shape=SLOW)
    return home / "models"


@pytest.fixture(scope="module")
def tiny(tiny_models: Path) -> Iterator[ServerProcess]:
    """A service of the tiny models."""
    with ServerProcess(tiny_models, "--default-classification", "topics") as server:
        yield server


@pytest.fixture(scope="session")
def served() -> Iterator[ServerProcess]:
    """A service of the default models."""
    with ServerProcess(DEFAULT_MODELS) as server:
        yield server
