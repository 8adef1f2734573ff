"""Loads a tokenizer that nobody knows, and tries it on texts that would make a bad one explode."""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tokenizers import Encoding, Tokenizer

from export.errors import ExportRefusedError

_PIPELINE = ("normalizer", "pre_tokenizer", "post_processor")
_RUN = 2_000  # a backtracking pattern that survives so long a run is fast enough on any text
_MOST_CHARACTERS = 200
_MOST_STRING = 200_000
_LARGEST_GROWTH = 32  # NFKD makes 18 characters of one
_COMMON = ("a", "A", "1", " ", "\t", "\n", ".", ",", '"', "'", "-", "_", "é", "中", "ا", "😀")


def try_tokenizer(content: bytes) -> None:
    """Load ``tokenizer.json`` and encode long runs of each character that its patterns name.

    ExportRefusedError if it cannot be loaded, fails, or makes far more of a text than there was.
    How long this takes and how much memory is up to the file, so it is run under limits.
    """
    characters = sorted(_named_characters(content))[:_MOST_CHARACTERS]
    tokenizer = load(content)
    texts = [_every_script(), "".join(characters), *(each * _RUN for each in _COMMON)]
    texts += [each * _RUN for each in characters]
    texts += [f"{each} " * (_RUN // 2) for each in _COMMON]
    for text in texts:
        for probe in (text, f"{text}!\0"):
            encoding = encode(tokenizer, probe, None, special=True)
            if len(encoding.ids) > _LARGEST_GROWTH * len(probe) + _RUN:
                raise ExportRefusedError("tokenizer.json makes far too many tokens of a text")


def _named_characters(content: bytes) -> set[str]:
    """Return the characters of all strings in the steps before and behind the model."""
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ExportRefusedError("tokenizer.json is not valid JSON") from error
    if not isinstance(settings, dict):
        raise ExportRefusedError("tokenizer.json is not a tokenizer")
    characters = set[str]()
    for string in _strings([settings.get(part) for part in _PIPELINE]):
        if len(string) > _MOST_STRING and not string.isascii():
            raise ExportRefusedError("tokenizer.json has an absurdly long pattern")
        characters |= set(string[:_MOST_STRING])
    return characters


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, str):
            yield held
        elif isinstance(held, dict):
            waiting += held.values()
        elif isinstance(held, list):
            waiting += held


def _every_script() -> str:
    """Return some characters of every block, spaced."""
    points = (*range(0x20, 0x3000, 7), *range(0x3000, 0x20000, 61))
    return " ".join(chr(each) for each in points if unicodedata.category(chr(each)) != "Cs")


def load(content: bytes) -> Tokenizer:
    """Return the tokenizer; ExportRefusedError if it cannot be loaded."""
    with _refusing("be loaded"):
        return Tokenizer.from_buffer(content)


def encode(tokenizer: Tokenizer, text: str, pair: str | None, *, special: bool) -> Encoding:
    """Encode a text or a pair of texts; ExportRefusedError if the tokenizer fails on it."""
    with _refusing("encode a text"):
        return tokenizer.encode(text, pair, add_special_tokens=special)


def normalize(tokenizer: Tokenizer, text: str) -> str:
    """Return the text as the model sees it; ExportRefusedError if the tokenizer fails on it."""
    normalizer: Any = tokenizer.normalizer
    with _refusing("encode a text"):
        return text if normalizer is None else str(normalizer.normalize_str(text))


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn what tokenizers raises into a refusal; its Rust panics are no Exception."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(str(error).split())[:200]
        raise ExportRefusedError(f"tokenizer.json cannot {what}: {reason}") from error
