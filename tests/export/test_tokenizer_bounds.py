import base64
import json
from typing import Any

import pytest
from tokenizers import Tokenizer

from bench.checkpoints import TINY, build_tokenizer
from export.errors import ExportRefusedError
from export.tokenizer_bounds import check_bounds


def settings_with(**parts: Any) -> dict[str, Any]:
    """What the library writes of a tokenizer that it has loaded with other parts."""
    settings = json.loads(build_tokenizer(TINY.vocab_size).to_str()) | parts
    loaded: dict[str, Any] = json.loads(Tokenizer.from_str(json.dumps(settings)).to_str())
    return loaded


def replacing(content: str, **pattern: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def in_sequences(*steps: dict[str, Any]) -> dict[str, Any]:
    """Each step behind the others, ever deeper."""
    sequence: dict[str, Any] = {"type": "Sequence", "normalizers": []}
    for step in steps:
        sequence = {"type": "Sequence", "normalizers": [sequence, step]}
    return sequence


def splitting(pattern: str) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    return split | {"invert": False}


def precompiled(values: bytes) -> dict[str, Any]:
    trie = bytes(1024)
    charsmap = len(trie).to_bytes(4, "little") + trie + values
    encoded = base64.b64encode(charsmap).decode()
    return {"type": "Precompiled", "precompiled_charsmap": encoded}


def refusal(settings: dict[str, Any]) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        check_bounds(settings)
    return str(caught.value)


def test_a_usual_tokenizer_is_within_all_bounds() -> None:
    check_bounds(settings_with())
    check_bounds(settings_with(normalizer=None, pre_tokenizer=None))
    arabic = "\ufdfa of 18 characters".encode()  # as long as the longest of nmt_nfkc
    check_bounds(settings_with(normalizer=in_sequences({"type": "NFKD"}, precompiled(arabic))))


@pytest.mark.parametrize(
    "normalizer",
    [
        replacing("x" * 65, Regex="[ᚠ-ᚪ]"),
        replacing("x" * 65, String="ᚠ"),
        in_sequences(*[replacing("ᚠᚠ", String="ᚠ")] * 7),
        in_sequences(replacing("ᚠ" * 9, Regex="x"), {"type": "Prepend", "prepend": "ᚠ" * 9}),
        precompiled(b"x\0" + b"y" * 65 + b"\0"),
    ],
)
def test_what_makes_many_characters_of_one_is_refused(normalizer: dict[str, Any]) -> None:
    assert "more than 64 characters of one" in refusal(settings_with(normalizer=normalizer))


def test_a_pattern_is_found_wherever_it_is() -> None:
    hidden = in_sequences({"type": "NFKD"}, replacing("x", Regex="(a+)+"), {"type": "NFC"})
    assert "(a+)+" in refusal(settings_with(normalizer=hidden))
    sequence = {"type": "Sequence", "pretokenizers": [splitting("a"), splitting("(b+)+")]}
    assert "(b+)+" in refusal(settings_with(pre_tokenizer=sequence))
    check_bounds(settings_with(normalizer=replacing("x", String="(a+)+")))


def test_a_chain_without_end_is_refused() -> None:
    chain = {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 1_000}
    assert "more than 1000 steps" in refusal(settings_with(normalizer=chain))


def test_words_that_take_quadratic_time_are_refused() -> None:
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "ж": 1, "##ж": 2},
    }
    check_bounds(settings_with(model=model))
    endless = model | {"max_input_chars_per_word": 10**9}
    assert "max_input_chars_per_word above 1000" in refusal(settings_with(model=endless))
