import json
from pathlib import Path
from typing import Any

import pytest

from export.errors import ExportRefusedError
from export.evaluation import read_evaluation

SHA256 = "ab" * 32
FIGURE = {"dataset": "SST-2 dev", "metric": "accuracy", "value": 0.9, "examples": 872}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_figures_of_this_graph_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "e.json", {"model_sha256": SHA256, "figures": [FIGURE]})
    (figure,) = read_evaluation(path, SHA256)
    assert (figure.dataset, figure.value, figure.source) == ("SST-2 dev", 0.9, "")


def test_figures_of_another_graph_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "e.json", {"model_sha256": "cd" * 32, "figures": [FIGURE]})
    with pytest.raises(ExportRefusedError, match="figures of another graph"):
        read_evaluation(path, SHA256)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "content"),
        ([], "content"),
        ({"figures": []}, "model_sha256"),
        ({"model_sha256": "xyz", "figures": []}, "model_sha256"),
        ({"model_sha256": SHA256, "figures": [FIGURE | {"value": "high"}]}, "figures.0.value"),
        ({"model_sha256": SHA256, "figures": [FIGURE | {"examples": 0}]}, "figures.0.examples"),
        ({"model_sha256": SHA256, "figures": [FIGURE | {"note": ""}]}, "figures.0.note"),
    ],
)
def test_what_is_no_evaluation_is_refused(content: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ExportRefusedError) as caught:
        read_evaluation(write(tmp_path / "e.json", content), SHA256)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
