"""Checks that a tokenizer belongs to the checkpoint and builds ALBERT's sequences."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tokenizers import Encoding, Tokenizer

from export.config import AlbertConfig
from export.errors import ExportRefusedError
from model_directory.manifest import TokenizerFacts

_PROBES = ("A small test, of 3 words.", "naïve café", "x")
_PADS = ("<pad>", "[PAD]")
_UNKNOWNS = ("<unk>", "[UNK]")


@dataclass(frozen=True, slots=True)
class CheckedTokenizer:
    """The tokenizer, the bytes to write for it, and what the service must know of it.

    ``content`` is the checkpoint's file as it is, unless that file switches on truncation or
    padding: then the same without, because the service cuts and pads by itself.
    """

    tokenizer: Tokenizer
    content: bytes
    facts: TokenizerFacts

    def ids(self, text: str) -> list[int]:
        """Return the text's ids, without special tokens."""
        return list(_encode(self.tokenizer, text, None, special=False).ids)


def check_tokenizer(content: bytes, config: AlbertConfig) -> CheckedTokenizer:
    """Load ``tokenizer.json`` and compare it with the config.

    ExportRefusedError if it cannot be loaded, gives ids that the embeddings do not have, or does
    not build ``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]`` with token types 0 and 1.
    """
    content = _without_truncation_and_padding(content)
    tokenizer = _load(content)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest < 0:
        raise ExportRefusedError("tokenizer.json has an empty vocabulary")
    if highest >= config.vocab_size:
        raise ExportRefusedError(
            f"tokenizer.json gives ids up to {highest}, "
            f"config.json has vocab_size {config.vocab_size}"
        )
    cls_id, sep_id = _special_ids(tokenizer)
    pad_id = _first_id(tokenizer, _PADS)
    facts = TokenizerFacts(
        cls_token_id=cls_id,
        sep_token_id=sep_id,
        pad_token_id=(config.pad_token_id or 0) if pad_id is None else pad_id,
        unk_token_id=_first_id(tokenizer, _UNKNOWNS),
        vocab_size=tokenizer.get_vocab_size(with_added_tokens=True),
        lower_case=_lowers(tokenizer),
    )
    return CheckedTokenizer(tokenizer, content, facts)


def _without_truncation_and_padding(content: bytes) -> bytes:
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ExportRefusedError("tokenizer.json is not valid JSON") from error
    if not isinstance(settings, dict):
        raise ExportRefusedError("tokenizer.json is not a tokenizer")
    if settings.get("truncation") is None and settings.get("padding") is None:
        return content
    settings |= {"truncation": None, "padding": None}
    return json.dumps(settings, ensure_ascii=False, indent=2).encode()


def _load(content: bytes) -> Tokenizer:
    with _refusing("be loaded"):
        return Tokenizer.from_buffer(content)


def _special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """Return the ids of [CLS] and [SEP], from the sequences that the tokenizer builds itself."""
    wrong = ExportRefusedError(
        "tokenizer.json does not build [CLS] A [SEP] and [CLS] A [SEP] B [SEP] with types 0 and 1"
    )
    first = _encode(tokenizer, _PROBES[0], None, special=True).ids
    if len(first) < 3:
        raise wrong
    cls_id, sep_id = first[0], first[-1]
    for text, pair in zip(_PROBES, reversed(_PROBES), strict=True):
        a = _encode(tokenizer, text, None, special=False).ids
        b = _encode(tokenizer, pair, None, special=False).ids
        single = _encode(tokenizer, text, None, special=True)
        double = _encode(tokenizer, text, pair, special=True)
        if single.ids != [cls_id, *a, sep_id] or any(single.type_ids):
            raise wrong
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
        if double.ids != [cls_id, *a, sep_id, *b, sep_id] or double.type_ids != types:
            raise wrong
    return cls_id, sep_id


def _encode(tokenizer: Tokenizer, text: str, pair: str | None, *, special: bool) -> Encoding:
    with _refusing("encode a text"):
        return tokenizer.encode(text, pair, add_special_tokens=special)


def _first_id(tokenizer: Tokenizer, tokens: Sequence[str]) -> int | None:
    found = (tokenizer.token_to_id(token) for token in tokens)
    return next((token_id for token_id in found if token_id is not None), None)


def _lowers(tokenizer: Tokenizer) -> bool:
    normalizer: Any = tokenizer.normalizer
    with _refusing("encode a text"):
        return normalizer is not None and str(normalizer.normalize_str("ABC")).strip("▁ ") == "abc"


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
