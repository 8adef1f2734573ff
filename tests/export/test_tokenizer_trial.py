import base64
import json
from typing import Any

import pytest

from bench.checkpoints import TINY, build_tokenizer
from export import tokenizer_trial
from export.errors import ExportRefusedError
from export.sentencepiece_model import read_model
from export.sentencepiece_tokenizer import convert_sentencepiece
from export.tokenizer_trial import load, try_tokenizer
from tests.export.albert_reference import train

A, B = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")


def tokenizer_with(**parts: Any) -> bytes:
    settings = json.loads(build_tokenizer(TINY.vocab_size).to_str())
    return json.dumps(settings | parts).encode()


def splitting(pattern: str) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    return split | {"invert": False}


def replacing(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def templates(single: list[Any], pair: list[Any]) -> dict[str, Any]:
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {}}


def refusal(content: bytes) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        try_tokenizer(content)
    return str(caught.value)


def test_a_sound_tokenizer_is_returned_as_it_is() -> None:
    content = tokenizer_with()
    assert try_tokenizer(content) == content


@pytest.mark.parametrize("rules", ["nmt_nfkc", "identity"])
def test_what_is_made_of_a_vocabulary_is_sound(rules: str) -> None:
    try_tokenizer(convert_sentencepiece(train(normalization_rule_name=rules), None))


@pytest.mark.parametrize("joins_spaces", [False, True])
@pytest.mark.parametrize("keeps_accents", [False, True])
def test_what_transformers_writes_for_an_albert_is_sound(
    joins_spaces: bool, keeps_accents: bool
) -> None:
    """Its AlbertConverter; version 4 joins spaces by a pattern, version 5.23 does not."""
    model = read_model(train())
    steps: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": quotes}, "content": '"'}
        for quotes in ("``", "''")
    ]
    if not keeps_accents:
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    charsmap = base64.b64encode(model.charsmap).decode()
    steps += [{"type": "Lowercase"}, {"type": "Precompiled", "precompiled_charsmap": charsmap}]
    if joins_spaces:
        steps.append(replacing(" {2,}", " "))
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    cuts = [{"type": "WhitespaceSplit"}, space]
    mask = {"id": 4, "content": "[MASK]", "single_word": False, "lstrip": True, "rstrip": False}
    vocabulary = [[piece.text, piece.score] for piece in model.pieces]
    try_tokenizer(
        tokenizer_with(
            added_tokens=[mask | {"normalized": False, "special": True}],
            normalizer={"type": "Sequence", "normalizers": steps},
            pre_tokenizer={"type": "Sequence", "pretokenizers": cuts},
            model={"type": "Unigram", "unk_id": 1, "vocab": vocabulary, "byte_fallback": False},
        )
    )


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"pre_tokenizer": splitting("ж+x")}, "takes more than 0.3 s for 20"),
        ({"pre_tokenizer": splitting("[^a]+x")}, "takes more than 0.3 s for 20"),
        ({"pre_tokenizer": splitting("[ᚠ-ᚪ]+x")}, "takes more than 0.3 s for 20"),
        ({"normalizer": replacing("(?=ж)", "ж" * 60)}, "far too many characters"),
        ({"post_processor": templates([A] * 99, [A, B])}, "far too many tokens"),
        ({"post_processor": templates([A], [A, B] * 99)}, "far too many tokens"),
        ({"pre_tokenizer": splitting("(a|aa)+")}, "multiply each other's"),
        ({"pre_tokenizer": splitting("(")}, "cannot be loaded: "),
        ({"pre_tokenizer": {"type": "none"}}, "cannot be loaded: "),
        ({"pre_tokenizer": {"type": "FixedLength", "length": 0}}, "cannot encode a text: "),
    ],
)
def test_a_tokenizer_that_is_bad_for_some_text_is_refused(
    parts: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(tokenizer_with(**parts))


def test_a_lattice_of_endless_pieces_is_refused() -> None:
    special = [[token, 0.0] for token in ("<pad>", "<unk>", "[CLS]", "[SEP]")]
    pieces = [["ж" * length, -float(length)] for length in range(1, 600)]
    model = {"type": "Unigram", "unk_id": 1, "vocab": special + pieces, "byte_fallback": False}
    content = tokenizer_with(model=model, added_tokens=[], pre_tokenizer=None)
    assert "takes more than 0.3 s for " in refusal(content)


def test_truncation_hides_nothing() -> None:
    truncation = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    many = tokenizer_with(post_processor=templates([A] * 99, [A, B]), truncation=truncation)
    assert "far too many tokens" in refusal(many)


def test_padding_is_not_done() -> None:
    padding = {
        "strategy": {"Fixed": 10**12},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    try_tokenizer(tokenizer_with(padding=padding))


def test_a_key_that_stands_twice_is_refused() -> None:
    twice = tokenizer_with()[:-1] + b', "normalizer": null}'
    assert "not valid JSON, or has a key twice" in refusal(twice)


def test_a_tokenizer_that_the_service_would_not_read_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = tokenizer_with()
    monkeypatch.setattr(tokenizer_trial, "_MOST_BYTES", len(content) - 1)
    assert "the tokenizer is larger than" in refusal(content)


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_not_the_files_fault_is_no_refusal(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        @staticmethod
        def from_buffer(_: bytes) -> None:
            raise error

    monkeypatch.setattr(tokenizer_trial, "Tokenizer", Failing)
    with pytest.raises(error):
        load(b"")
