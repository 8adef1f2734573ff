"""Reads JSON of a checkpoint, which must not be open to two readings."""

import json
from typing import Any


def parse_json(content: bytes | str) -> Any:
    """Return what ``content`` holds; ValueError if it is not JSON, too deep, or has a key twice.

    Of two equal keys some readers take the first and some the last, so that what is checked need
    not be what is used.
    """
    try:
        return json.loads(content, object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a key repeats")
    return entries
