import json
import os
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, normalizers

from export.comma_rule import is_taken_apart
from export.errors import ExportRefusedError
from export.sentencepiece_model import read_model
from export.sentencepiece_tokenizer import convert_sentencepiece
from tests.export.albert_reference import AlbertReference, train, varied_texts

TEXTS = 10_000
REAL_MODEL = os.environ.get("SPIECE_MODEL", "")


@cache
def small_model() -> bytes:
    return train()


def converted(model: bytes, **config: Any) -> Tokenizer:
    settings = json.dumps(config).encode() if config else None
    return Tokenizer.from_buffer(convert_sentencepiece(model, settings))


def models() -> list[Any]:
    real = pytest.mark.skipif(not REAL_MODEL, reason="SPIECE_MODEL names no spiece.model")
    return [
        pytest.param(small_model, id="small"),
        pytest.param(lambda: Path(REAL_MODEL).read_bytes(), id="real", marks=real),
    ]


def disagreements(tokenizer: Tokenizer, reference: AlbertReference, texts: list[str]) -> list[str]:
    """Texts whose ids differ and are not another way of the same likelihood."""
    wrong, ties = [], 0
    for text in texts:
        expected, ids = reference.ids(text), tokenizer.encode(text, add_special_tokens=False).ids
        if ids == expected:
            continue
        if reference.is_tie(ids, expected):
            ties += 1
        else:
            wrong.append(text)
    assert ties <= len(texts) / 1000
    return wrong


@pytest.mark.parametrize("model", models())
def test_ids_are_those_of_sentencepiece_behind_alberts_preparation(model: Any) -> None:
    texts = list(varied_texts(TEXTS, seed=7))
    assert disagreements(converted(model()), AlbertReference(model()), texts) == []


@pytest.mark.parametrize("model", models())
def test_every_character_is_treated_as_sentencepiece_does(model: Any) -> None:
    known = [each for each in map(chr, range(1, 0x20000)) if not is_too_new(each)]
    words = [f"a{each}b {each}" for each in known]
    texts = [" ".join(words[start : start + 16]) for start in range(0, len(words), 16)]
    assert disagreements(converted(model()), AlbertReference(model()), texts) == []
    assert 0x20000 - len(known) < 0x800 + 300  # surrogates, and what Unicode 10 and later added


def is_too_new(character: str) -> bool:
    """Whether tokenizers' tables are older than the character, or it is no character."""
    if unicodedata.category(character) in ("Cs", "Cn"):
        return unicodedata.category(character) == "Cs"
    folded = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
    return folded.normalize_str(character) != unicodedata.normalize("NFKD", character).lower()


@pytest.mark.parametrize("model", models())
def test_offsets_are_the_characters_that_became_the_token(model: Any) -> None:
    tokenizer, reference = converted(model()), AlbertReference(model())
    for text in varied_texts(2_000, seed=8):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        before, covered = 0, set[int]()
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            assert before <= start < end <= len(text)
            before = start
            covered |= set(range(start, end))
            source = text[start:end]
            if source not in ("`", "'"):  # two of them are one quotation mark
                normalized = decomposed(reference.normalized(source))
                assert decomposed(token.strip("▁")) in normalized, (text, token, source)
        for place, character in enumerate(text):
            neighbours = text[max(0, place - 1) : place + 2]
            if reference.normalized(character).strip("▁") and neighbours not in ("``", "''"):
                is_quote = "``" in neighbours or "''" in neighbours
                assert place in covered or is_quote, (text, place)


def decomposed(text: str) -> str:
    """Without what a character's neighbours decide: composition, and the form of a sigma."""
    return unicodedata.normalize("NFKD", text).replace("ς", "σ")


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("a ﬁne day", ["a", "ﬁne", "day"]),
        ("  The\t\tFILE ", ["The", "FILE"]),
        ("cafe\u0301 x", ["cafe", "x"]),  # a mark that is dropped belongs to no token
        ("cafe\u0301s x", ["cafe\u0301s", "x"]),
        ("a\u200bb", ["a", "b"]),
        ("½ No", ["½", "No"]),
        ("x ``y''", ["x", "`", "y", "'"]),
        ("``` ''", ["`", "`", "'"]),
    ],
)
def test_offsets_survive_changes_of_length(text: str, sources: list[str]) -> None:
    encoding = converted(small_model()).encode(text, add_special_tokens=False)
    places = sorted({place for start, end in encoding.offsets for place in range(start, end)})
    runs: list[str] = []
    for place in places:
        if place - 1 in places and text[place] not in "`'" and text[place - 1] not in "`'":
            runs[-1] += text[place]
        else:
            runs.append(text[place])
    assert runs == sources


def test_a_doubled_mark_begins_or_ends_a_quotation_where_it_does() -> None:
    encoding = converted(small_model()).encode("``a''", add_special_tokens=False)
    marks = [
        place
        for token, place in zip(encoding.tokens, encoding.offsets, strict=True)
        if token == '"'
    ]
    assert marks == [(0, 1), (4, 5)]


def has_loose_marks(text: str) -> bool:
    """Whether a mark stays a character of its own, which Unicode orders differently."""
    return any(map(unicodedata.combining, unicodedata.normalize("NFC", text)))


def has_digit_and_comma(text: str) -> bool:
    return re.search(r"\d,", unicodedata.normalize("NFKD", text)) is not None


@pytest.mark.parametrize(
    "config",
    [
        {"do_lower_case": False},
        {"keep_accents": True},
        {"remove_space": False},
        {"do_lower_case": False, "keep_accents": True, "remove_space": False},
    ],
)
def test_the_settings_of_the_preparation_are_heeded(config: dict[str, bool]) -> None:
    tokenizer, reference = (
        converted(small_model(), **config),
        AlbertReference(small_model(), **config),
    )
    texts = [text for text in varied_texts(4_000, seed=9) if not has_loose_marks(text)]
    assert len(texts) > 2_500
    assert disagreements(tokenizer, reference, texts) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"normalization_rule_name": "identity"},
        {"normalization_rule_name": "nfkc"},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": False},
        {"split_by_whitespace": False},
        {"split_by_number": False},
        {"user_defined_symbols": ["is", "ab", "12"]},
    ],
)
def test_other_ways_to_train_a_vocabulary_are_heeded(settings: dict[str, Any]) -> None:
    model = train(**settings)
    texts = [text for text in varied_texts(3_000, seed=10) if not has_digit_and_comma(text)]
    assert len(texts) > 2_000
    assert disagreements(converted(model), AlbertReference(model), texts) == []


def test_special_tokens_are_no_pieces_of_a_text() -> None:
    tokenizer = converted(small_model())
    ids = tokenizer.encode("<pad><unk>[CLS][SEP][MASK]", add_special_tokens=False).ids
    assert not {0, 2, 3, 4} & set(ids)
    assert tokenizer.encode("a", "b").ids[0] == 2
    assert tokenizer.encode("a", "b").ids[-1] == 3


def test_pieces_that_the_comma_rule_takes_apart_are_never_given() -> None:
    pieces = [piece.text for piece in read_model(small_model()).pieces]
    apart = {number for number, piece in enumerate(pieces) if is_taken_apart(piece)}
    assert apart
    tokenizer = converted(small_model())
    for text in varied_texts(3_000, seed=11):
        assert not apart & set(tokenizer.encode(text).ids)


def refusal(model: bytes, config: bytes | None = None) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        convert_sentencepiece(model, config)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model_type": "bpe"}, "not a unigram model"),
        ({"byte_fallback": True, "vocab_size": 1200}, "falls back to bytes"),
        ({"normalization_rule_name": "nmt_nfkc_cf"}, "rules that a tokenizer.json cannot express"),
        ({"treat_whitespace_as_suffix": True}, "does not mark the beginnings of words"),
        ({"control_symbols": ["[SEP]"]}, "has no piece '[CLS]' for the cls_token"),
    ],
)
def test_a_model_that_cannot_be_expressed_is_refused(settings: dict[str, Any], reason: str) -> None:
    assert reason in refusal(train(**settings))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b"[", "tokenizer_config.json is not valid JSON"),
        (b"[" * 10**5, "tokenizer_config.json is not valid JSON"),
        (b"[]", "tokenizer_config.json is not an object"),
        (b'{"do_lower_case": "no"}', "do_lower_case is neither true nor false"),
        (b'{"cls_token": "<cls>"}', "has no piece '<cls>' for the cls_token"),
        (b'{"sep_token": {"content": "<s>"}}', "has no piece '<s>' for the sep_token"),
    ],
)
def test_a_config_that_is_not_valid_is_refused(config: bytes, reason: str) -> None:
    assert reason in refusal(small_model(), config)


def test_special_tokens_may_have_other_names() -> None:
    model = train(control_symbols=["<cls>", "<sep>"])
    tokenizer = converted(model, cls_token={"content": "<cls>"}, sep_token="<sep>")
    assert tokenizer.encode("").ids == [2, 3]
