"""Where the bench runs from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The clone: the service, the exporter and the load generator are started in it."""
