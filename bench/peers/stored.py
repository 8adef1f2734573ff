"""A comparison as a JSON file: every raw figure, to be told again without measuring."""

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bench.errors import BenchError
from bench.peers.results import Comparison

_COMPARISON = TypeAdapter(Comparison)


def write_comparison(comparison: Comparison, file: Path) -> None:
    """Replace ``file``."""
    file.write_text(json.dumps(asdict(comparison), indent=1), encoding="utf-8")


def read_comparison(file: Path) -> Comparison:
    """What ``write_comparison`` wrote. Raises BenchError when it cannot be that."""
    try:
        return _COMPARISON.validate_json(file.read_bytes())
    except OSError as error:
        raise BenchError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BenchError(f"{file} holds no comparison: {error.errors()[0]['msg']}") from error
