"""docs/operations.md says of settings and metrics what the code says."""

import re
from pathlib import Path

import annotated_types
import pytest
from prometheus_client.metrics import MetricWrapperBase

from service.server import CLOSE_SECONDS, LISTEN_GRACE_SECONDS
from service.settings import NONE, PREFIX, Settings
from service.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading: its further cells, by the first."""
    section = PAGE[PAGE.index(f"\n## {heading}\n") :].split("\n## ")[1]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {first.strip("`"): rest for first, *rest in cells}


SETTINGS = rows("Settings")


def test_the_page_has_every_setting_and_no_other():
    assert SETTINGS.keys() == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_defaults_and_bounds_are_those_of_the_service(name):
    field = Settings.model_fields[name]
    _, default, allowed = SETTINGS[PREFIX + name.upper()]
    if field.default in (None, NONE):
        assert default.startswith(field.default or "automatic")
    else:
        value = field.default
        written = f"{value:g}" if isinstance(value, float) else str(value).lower()
        assert default.split(";")[0] == f"`{written}`"
    bounds = [bound for item in field.metadata if (bound := _bound(item)) is not None]
    assert re.findall(r"\d[\d.]*", allowed) == bounds
    assert ("more than" in allowed) == any(
        isinstance(item, annotated_types.Gt) for item in field.metadata
    )


def test_the_image_sets_what_the_page_says_it_sets():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    said = {
        f"{variable}={found[1]}"
        for variable, (_, default, _) in SETTINGS.items()
        if (found := re.search(r"`([^`]+)` in the image", default))
    }
    assert set(re.findall(r"\bALBERT_\w+=\S+", dockerfile)) == said


def test_the_page_has_every_metric_with_its_type_and_labels():
    registered = Metrics()._registry._collector_to_names
    metrics = [metric for metric in registered if isinstance(metric, MetricWrapperBase)]
    expected = {}
    for metric in metrics:
        suffix = "_total" if metric._type == "counter" else ""
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        expected[metric._name + suffix] = [metric._type, labels]
    assert {name: cells[:2] for name, cells in rows("Metrics").items()} == expected


def test_the_seconds_after_the_drain_are_enough():
    (seconds,) = re.findall(r"takes up to (\d+) seconds more", PAGE)
    join_seconds = 5
    assert int(seconds) >= LISTEN_GRACE_SECONDS + CLOSE_SECONDS + join_seconds


def _bound(constraint: object) -> str | None:
    for kind in ("ge", "gt", "le"):
        if (value := getattr(constraint, kind, None)) is not None:
            return f"{value:.12g}"
    return None
