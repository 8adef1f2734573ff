"""A tiny exported model, and the commands run against the real service with it."""

import subprocess
import sys
from pathlib import Path

from bench.checkpoints import Shape
from bench.repository import ROOT
from bench.subject import NAME, export_model

TINY = Shape(max_position_embeddings=512)


def tiny_models(directory: Path) -> Path:
    """A models directory with one tiny model that takes texts of 512 tokens."""
    return export_model(TINY, directory)


def run(command: str, models: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """``python -m bench.COMMAND`` on a service of its own with ``models``."""
    arguments = ["--models", str(models), "--path", f"/v1/models/{NAME}", *options]
    return subprocess.run(
        [sys.executable, "-m", f"bench.{command}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def table(finished: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Goal and cells of each figure of the one table that a command printed."""
    assert finished.returncode == 0, finished.stderr
    caption, blank, head, _, *lines = finished.stdout.rstrip("\n").split("\n")
    assert not blank
    assert "cores; commit" in caption
    assert head.startswith("| figure | goal |")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == head.count("|") - 1 for row in rows)
    return {figure: cells for figure, *cells in rows}
