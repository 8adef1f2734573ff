import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import sentencepiece_model
from export.charsmap import read_charsmap
from export.errors import ExportRefusedError
from export.sentencepiece_model import Kind, read_model
from export.sentencepiece_tokenizer import convert_sentencepiece
from tests.export.test_sentencepiece_tokenizer import small_model


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return encoded + bytes((value,))


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def piece(text: bytes, score: float = -1.0, kind: int = Kind.NORMAL) -> bytes:
    packed = varint(2 << 3 | 5) + struct.pack("<f", score)
    return field(1, field(1, text) + packed + field(3, kind))


UNKNOWN = piece(b"<unk>", 0, Kind.UNKNOWN)
LEAST = UNKNOWN + piece(b"a")


def refusal(content: bytes) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        read_model(content)
    message = str(caught.value)
    assert message.startswith("spiece.model")
    assert "\n" not in message
    return message


def test_a_model_is_its_pieces_in_order() -> None:
    model = read_model(LEAST)
    assert [(each.text, each.score, each.kind) for each in model.pieces] == [
        ("<unk>", 0.0, Kind.UNKNOWN),
        ("a", -1.0, Kind.NORMAL),
    ]
    assert (model.add_dummy_prefix, model.remove_extra_whitespaces) == (True, True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "one piece for the unknown"),
        (b"\xff" * 20, "not a SentencePiece model"),
        (b"PK\3\4", "not a SentencePiece model"),
        (LEAST[:-1], "not a SentencePiece model"),
        (varint(1 << 3 | 2) + varint(1 << 60), "not a SentencePiece model"),
        (varint(1 << 3 | 3), "not a SentencePiece model"),
        (field(1, 7), "not a SentencePiece model"),
        (UNKNOWN, "has no pieces"),
        (LEAST + UNKNOWN, "has a piece twice"),
        (LEAST + piece(b"b", kind=Kind.UNKNOWN), "one piece for the unknown"),
        (LEAST + piece(b""), "a piece that is not valid"),
        (LEAST + piece(b"\xff"), "a piece that is not valid"),
        (LEAST + piece(b"b\0"), "a piece that is not valid"),
        (LEAST + piece(b"b" * 1025), "a piece that is not valid"),
        (LEAST + piece(b"b", float("nan")), "a piece that is not valid"),
        (LEAST + piece(b"b", float("-inf")), "a piece that is not valid"),
        (LEAST + piece(b"b", kind=9), "a piece that is not valid"),
        (LEAST + field(2, field(3, 2)), "not a unigram model"),
        (LEAST + field(3, field(5, 0)), "does not mark the beginnings of words"),
        (LEAST + field(3, field(2, bytes(9 << 20))), "no valid normalisation rules"),
        (LEAST + field(3, field(2, 1)), "no valid normalisation rules"),
        (field(1, b"") * 600_000, "a piece that is not valid"),
        (field(7, 0) * 1_600_000, "has too many parts"),
    ],
)
def test_what_is_no_sound_model_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_too_many_pieces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentencepiece_model, "_MAX_PIECES", 100)
    assert "more than 100 pieces" in refusal(b"".join(piece(b"%d" % n) for n in range(101)))


@given(st.binary(max_size=200), st.integers(0, 1 << 20), st.integers(0, 255))
def test_a_damaged_model_is_read_or_refused(junk: bytes, position: int, byte: int) -> None:
    damaged = bytearray(small_model())
    damaged[position % len(damaged)] = byte
    for content in (bytes(damaged[: position % len(damaged)]), LEAST + junk):
        try:
            read_model(content)
        except ExportRefusedError:
            continue


def trie(units: list[int], values: bytes = b"\0") -> bytes:
    packed = struct.pack(f"<{len(units)}I", *units)
    return len(packed).to_bytes(4, "little") + packed + values


def endless_trie() -> bytes:
    """Every unit is a child of unit 0's base, labelled by its place, and leads back there."""
    return trie([(number << 10 | number & 0xFF) & 0x7FFFFFFF for number in range(256)])


@pytest.mark.parametrize(
    "charsmap",
    [
        b"\0",
        b"\0" * 8,
        b"\xff\xff\xff\xff" + b"\0" * 8,
        (7).to_bytes(4, "little") + b"\0" * 16,
        endless_trie(),
        trie([0, (1 << 10) | 0x100 | 1], b"no end"),
    ],
)
def test_rules_that_are_no_sound_trie_are_refused(charsmap: bytes) -> None:
    with pytest.raises(ExportRefusedError, match="normalisation rules that are not sound"):
        read_charsmap(charsmap)


def test_a_model_without_rules_normalises_nothing() -> None:
    assert read_charsmap(b"") == {}


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=400), st.binary(max_size=50))
def test_any_trie_is_read_or_refused(units: list[int], values: bytes) -> None:
    try:
        rules = read_charsmap(trie(units, values))
    except ExportRefusedError:
        return
    assert all(isinstance(key, str) for key in rules)


def test_a_piece_that_its_own_rules_would_change_is_refused() -> None:
    start = small_model()
    protected = start + piece("\u200b".encode(), kind=Kind.USER_DEFINED)
    with pytest.raises(ExportRefusedError, match="from its own normalisation rules"):
        convert_sentencepiece(protected, None)
