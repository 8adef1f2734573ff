"""One tiny checkpoint and its export, which tests copy before they break them."""

from pathlib import Path

import pytest

from bench.checkpoints import write_checkpoint
from export.exporter import ExportReport, ExportRequest, export_checkpoint


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    models = tmp_path_factory.mktemp("models")
    return export_checkpoint(ExportRequest(checkpoint, "polarity", models), silent)
