"""The Grafana dashboard: its panels and their expressions."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana/dashboards/albert-serve.json"
VARIABLES = {"$job": ".+", "$model": ".+", "$__rate_interval": "1m"}


def panels() -> list[dict[str, Any]]:
    """The panels, as Grafana reads them."""
    content: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return list(content["panels"])


def expressions() -> dict[str, list[str]]:
    """PromQL of each panel by its title, with Grafana's variables filled in."""
    return {
        panel["title"]: [_fill(target["expr"]) for target in panel["targets"]] for panel in panels()
    }


def _fill(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression
