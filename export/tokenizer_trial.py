"""Loads a tokenizer that nobody knows, and tries it on texts that would make a bad one explode."""

import json
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tokenizers import Encoding, Tokenizer

from export.errors import ExportRefusedError
from export.strict_json import parse_json
from export.tokenizer_bounds import check_bounds, steps
from model_directory.panic import is_panic

_MOST_BYTES = 64 << 20  # what the service reads of one tokenizer
_SHORT_RUN = 1_000
_LONG_RUN = 20_000
_MOST_SECONDS = 0.3  # of CPU for a long run; usual are 0.01, what Unicode takes apart has 0.08
_LONGEST_PIECES = 4
_MOST_NAMED = 200
_LARGEST_GROWTH = 32  # NFKD makes 18 characters of one
_COMMON = (
    "a", "A", "1", " ", "\t", "\n", ".", ",", '"', "'", "-", "_", "(", "$", "+", "é", "\u0301",
    "α", "я", "ا", "क", "ก", "한", "あ", "中", "😀", "\u200b", "\0",
)  # fmt: skip
_NOT_TEXT = ("type", "behavior", "prepend_scheme", "precompiled_charsmap")


def try_tokenizer(content: bytes) -> bytes:
    """Load ``tokenizer.json``, and return it if it is sound on texts that are not.

    These are long runs of each character that its patterns name, of common ones and of its longest
    pieces. ExportRefusedError if it cannot be loaded, fails, takes too long for one, or makes far
    more of a text than there was. How much time and memory it takes until then is up to the file,
    so it is run under limits.
    """
    if len(content) > _MOST_BYTES:
        raise ExportRefusedError(f"the tokenizer is larger than {_MOST_BYTES} bytes")
    try:
        parse_json(content)
    except ValueError as error:
        raise ExportRefusedError("tokenizer.json is not valid JSON, or has a key twice") from error
    tokenizer = load(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    settings = json.loads(tokenizer.to_str())
    check_bounds(settings)
    named = _named_characters(settings)
    _check_growth(tokenizer, _every_script(), _every_script())
    for unit in (*_COMMON, *named, *_longest_pieces(tokenizer)):
        repeated = unit * (_SHORT_RUN // len(unit) + 1)
        _check_growth(tokenizer, repeated, f"{unit} " * (_SHORT_RUN // len(unit)))
        # What a pattern asks for behind a run must be somewhere, or it is not even tried.
        end = "!\0" + "".join(named)
        _check_time(tokenizer, repeated + end)
        _check_time(tokenizer, unit * (_LONG_RUN // len(unit) + 1) + end)
    return content


def _check_growth(tokenizer: Tokenizer, text: str, pair: str) -> None:
    if len(normalize(tokenizer, text)) > _LARGEST_GROWTH * len(text) + _SHORT_RUN:
        raise ExportRefusedError("tokenizer.json makes far too many characters of a text")
    for second in (None, pair):
        tokens = len(encode(tokenizer, text, second, special=True).ids)
        if tokens > _LARGEST_GROWTH * len(text + (second or "")) + _SHORT_RUN:
            raise ExportRefusedError("tokenizer.json makes far too many tokens of a text")


def _check_time(tokenizer: Tokenizer, text: str) -> None:
    started = time.process_time()
    encode(tokenizer, text, None, special=False)
    if time.process_time() - started > _MOST_SECONDS:
        raise ExportRefusedError(
            f"tokenizer.json takes more than {_MOST_SECONDS:g} s for {len(text)} characters of text"
        )


def _named_characters(settings: dict[str, Any]) -> list[str]:
    """Return some characters of all strings in the steps before the model."""
    characters = set[str]()
    for step in steps(settings, "normalizer", "pre_tokenizer"):
        for key, value in step.items():
            if isinstance(value, str) and key not in _NOT_TEXT:
                characters |= set(value)
    return sorted(characters)[:_MOST_NAMED]


def _longest_pieces(tokenizer: Tokenizer) -> list[str]:
    """Return the pieces that a lattice has most to do with when they are repeated."""
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    return sorted(filter(None, vocabulary), key=len)[-_LONGEST_PIECES:]


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
    except MemoryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise ExportRefusedError(f"tokenizer.json cannot {what}: {reason}") from error
