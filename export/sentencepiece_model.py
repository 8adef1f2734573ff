"""Reads a SentencePiece unigram model: its pieces, and how it normalises text.

The file is one protobuf message (https://protobuf.dev/programming-guides/encoding/) with the field
numbers of https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
Everything is bounded, so that a hostile file costs neither time nor memory.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from export.errors import ExportRefusedError

WORD_START = "▁"
"""What stands for a space in a piece."""

_MAX_PIECES = 500_000
_MAX_PIECE_BYTES = 1024
_MAX_FIELDS = 3 * _MAX_PIECES
_MAX_CHARSMAP_BYTES = 8 << 20

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_PIECE, _TRAINER, _NORMALIZER = 1, 2, 3  # ModelProto
_TEXT, _SCORE, _KIND = 1, 2, 3  # ModelProto.SentencePiece
_MODEL_TYPE, _WHITESPACE_AS_SUFFIX, _BYTE_FALLBACK = 3, 24, 35  # TrainerSpec
_CHARSMAP, _DUMMY_PREFIX, _EXTRA_WHITESPACE, _ESCAPE = 2, 3, 4, 5  # NormalizerSpec
_UNIGRAM = 1


class Kind(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the vocabulary; ``score`` is a log probability in float32's precision."""

    text: str
    score: float
    kind: Kind

    @property
    def is_matched(self) -> bool:
        """Whether text can become this piece."""
        return self.kind in (Kind.NORMAL, Kind.USER_DEFINED)


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """A unigram model; a piece's id is its place in ``pieces``.

    ``charsmap`` are the rules of the normaliser as they are stored, empty for none.
    """

    pieces: tuple[Piece, ...]
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool


def read_model(content: bytes) -> SentencePieceModel:
    """Parse ``spiece.model``; ExportRefusedError if it is no unigram model, or an absurd one."""
    pieces: list[Piece] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    for number, value in _fields(memoryview(content)):
        if number == _PIECE:
            pieces.append(_piece(value))
            if len(pieces) > _MAX_PIECES:
                raise ExportRefusedError(f"spiece.model has more than {_MAX_PIECES} pieces")
        elif number == _TRAINER:
            trainer |= _message(value)
        elif number == _NORMALIZER:
            normalizer |= _message(value)
    _check_pieces(pieces)
    if trainer.get(_MODEL_TYPE, _UNIGRAM) != _UNIGRAM:
        raise ExportRefusedError("spiece.model is not a unigram model, which ALBERT's are")
    if trainer.get(_WHITESPACE_AS_SUFFIX) or not normalizer.get(_ESCAPE, 1):
        raise ExportRefusedError(
            "spiece.model does not mark the beginnings of words, as ALBERT's do"
        )
    if trainer.get(_BYTE_FALLBACK) or any(piece.kind is Kind.BYTE for piece in pieces):
        raise ExportRefusedError("spiece.model falls back to bytes, which no ALBERT's does")
    charsmap = normalizer.get(_CHARSMAP, b"")
    if not isinstance(charsmap, bytes) or len(charsmap) > _MAX_CHARSMAP_BYTES:
        raise ExportRefusedError("spiece.model has no valid normalisation rules")
    return SentencePieceModel(
        pieces=tuple(pieces),
        charsmap=charsmap,
        add_dummy_prefix=bool(normalizer.get(_DUMMY_PREFIX, 1)),
        remove_extra_whitespaces=bool(normalizer.get(_EXTRA_WHITESPACE, 1)),
    )


def _check_pieces(pieces: list[Piece]) -> None:
    if len({piece.text for piece in pieces}) != len(pieces):
        raise ExportRefusedError("spiece.model has a piece twice")
    if sum(piece.kind is Kind.UNKNOWN for piece in pieces) != 1:
        raise ExportRefusedError("spiece.model does not have one piece for the unknown")
    if not any(piece.kind is Kind.NORMAL for piece in pieces):
        raise ExportRefusedError("spiece.model has no pieces")


def _piece(value: int | bytes | memoryview) -> Piece:
    wrong = ExportRefusedError("spiece.model has a piece that is not valid")
    fields = _message(value)
    text, kind = fields.get(_TEXT), fields.get(_KIND, Kind.NORMAL)
    score = fields.get(_SCORE, bytes(4))
    if not (isinstance(text, bytes) and isinstance(score, bytes) and isinstance(kind, int)):
        raise wrong
    if not 0 < len(text) <= _MAX_PIECE_BYTES or len(score) != 4 or not 1 <= kind <= 6:
        raise wrong
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise wrong from error
    (number,) = struct.unpack("<f", score)
    if not math.isfinite(number) or "\0" in decoded:
        raise wrong
    return Piece(decoded, number, Kind(kind))


def _message(value: int | bytes | memoryview) -> dict[int, int | bytes]:
    """Return the last value of each field of an embedded message."""
    if isinstance(value, int):
        raise _malformed()
    return {
        number: held if isinstance(held, int) else bytes(held)
        for number, held in _fields(memoryview(value))
    }


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field's number and value: an integer, or the bytes of anything longer."""
    position, end, count = 0, len(view), 0
    while position < end:
        count += 1
        if count > _MAX_FIELDS:
            raise ExportRefusedError("spiece.model has too many parts")
        tag, position = _varint(view, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            number, position = _varint(view, position)
            yield tag >> 3, number
            continue
        if wire_type == _LENGTH:
            length, position = _varint(view, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise _malformed()
        if length > end - position:
            raise _malformed()
        yield tag >> 3, view[position : position + length]
        position += length


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(view):
            break
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _malformed()


def _malformed() -> ExportRefusedError:
    return ExportRefusedError("spiece.model is not a SentencePiece model")
