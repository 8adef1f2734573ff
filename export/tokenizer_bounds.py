"""Bounds what a tokenizer's steps can do to any text, whatever texts it is tried on."""

import base64
from collections.abc import Iterator
from typing import Any

from export.errors import ExportRefusedError
from export.patterns import check_pattern

_MOST_STEPS = 1_000  # with what each holds; ALBERT's have 20
_LARGEST_GROWTH = 64  # SentencePiece's nmt_nfkc makes 18 characters of one
_MOST_CHARACTERS_OF_A_WORD = 1_000  # WordPiece looks at every part of a word; 100 is usual


def check_bounds(settings: dict[str, Any]) -> None:
    """Check the steps of a ``tokenizer.json`` that the library has loaded.

    ExportRefusedError if its normalizer can make far more of a text than there is, if a pattern
    can take too long, or if its words can.
    """
    for count, step in enumerate(steps(settings, "normalizer", "pre_tokenizer")):
        if count == _MOST_STEPS:
            raise ExportRefusedError(f"tokenizer.json has more than {_MOST_STEPS} steps")
        pattern = step.get("pattern")
        if isinstance(pattern, dict) and "Regex" in pattern:
            check_pattern(pattern["Regex"])
    growth = 1
    for step in steps(settings, "normalizer"):
        growth *= max(1, _growth(step))
        if growth > _LARGEST_GROWTH:
            raise ExportRefusedError(
                f"tokenizer.json can make more than {_LARGEST_GROWTH} characters of one"
            )
    if settings["model"].get("max_input_chars_per_word", 0) > _MOST_CHARACTERS_OF_A_WORD:
        raise ExportRefusedError(
            "tokenizer.json has a max_input_chars_per_word above "
            f"{_MOST_CHARACTERS_OF_A_WORD}, which takes too long"
        )


def steps(settings: dict[str, Any], *parts: str) -> Iterator[dict[str, Any]]:
    """Yield every object within the named parts, in the order of the file."""
    waiting = [settings.get(part) for part in reversed(parts)]
    while waiting:
        held = waiting.pop()
        if isinstance(held, dict):
            yield held
            waiting += reversed(held.values())
        elif isinstance(held, list):
            waiting += reversed(held)


def _growth(step: dict[str, Any]) -> int:
    """Return how many characters a step can make of one, but for Unicode's own forms."""
    match step.get("type"):
        case "Replace":
            return len(step["content"])
        case "Prepend":
            return len(step["prepend"])
        case "Precompiled":
            charsmap = base64.b64decode(step["precompiled_charsmap"])
            trie_bytes = int.from_bytes(charsmap[:4], "little")
            values = charsmap[4 + trie_bytes :].split(b"\0")
            return max(len(value.decode("utf-8", "replace")) for value in values)
    return 1
