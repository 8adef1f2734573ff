"""Checks that a tokenizer belongs to the checkpoint and builds ALBERT's sequences."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.sentencepiece_tokenizer import HIDDEN
from export.tokenizer_trial import encode, load, normalize
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
        return list(encode(self.tokenizer, text, None, special=False).ids)


def check_tokenizer(content: bytes, config: AlbertConfig) -> CheckedTokenizer:
    """Load ``tokenizer.json`` and compare it with the config.

    ExportRefusedError if it cannot be loaded, gives ids that the embeddings do not have, or does
    not build ``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]`` with token types 0 and 1.
    """
    content = _without_truncation_and_padding(content)
    tokenizer = load(content)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest < 0:
        raise ExportRefusedError("tokenizer.json has an empty vocabulary")
    if highest >= config.vocab_size:
        raise ExportRefusedError(
            f"tokenizer.json gives ids up to {highest}, "
            f"config.json has vocab_size {config.vocab_size}"
        )
    cls_id, sep_id = _special_ids(tokenizer)
    if max(cls_id, sep_id) >= config.vocab_size:
        raise ExportRefusedError(
            f"tokenizer.json has special tokens with ids up to {max(cls_id, sep_id)}, "
            f"config.json has vocab_size {config.vocab_size}"
        )
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


def _special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """Return the ids of [CLS] and [SEP], from the sequences that the tokenizer builds itself."""
    wrong = ExportRefusedError(
        "tokenizer.json does not build [CLS] A [SEP] and [CLS] A [SEP] B [SEP] with types 0 and 1"
    )
    first = encode(tokenizer, _PROBES[0], None, special=True).ids
    if len(first) < 3:
        raise wrong
    cls_id, sep_id = first[0], first[-1]
    for text, pair in zip(_PROBES, reversed(_PROBES), strict=True):
        a = encode(tokenizer, text, None, special=False).ids
        b = encode(tokenizer, pair, None, special=False).ids
        single = encode(tokenizer, text, None, special=True)
        double = encode(tokenizer, text, pair, special=True)
        if single.ids != [cls_id, *a, sep_id] or any(single.type_ids):
            raise wrong
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
        if double.ids != [cls_id, *a, sep_id, *b, sep_id] or double.type_ids != types:
            raise wrong
    return cls_id, sep_id


def _first_id(tokenizer: Tokenizer, tokens: Sequence[str]) -> int | None:
    names = (*tokens, *(HIDDEN + token for token in tokens))
    found = map(tokenizer.token_to_id, names)
    return next((token_id for token_id in found if token_id is not None), None)


def _lowers(tokenizer: Tokenizer) -> bool:
    return normalize(tokenizer, "ABC").strip("▁ ") == "abc"
