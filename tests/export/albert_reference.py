"""ALBERT's tokenizer as it was when ALBERT was trained: its own preparation, then SentencePiece.

After ``preprocess_text`` and ``encode_pieces`` of google-research/albert, with the quotation marks
that transformers adds. The exporter's tokenizers are compared with it.
"""

import io
import random
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

REPOSITORY = Path(__file__).parents[2]
USER_DEFINED = ("(", ")", '"', "-", ".", "–", "£", "€")
# Ways of equal likelihood: SentencePiece adds in float32, so rounding picks one of them.
TIE = 2e-3


class AlbertReference:
    """The ids of texts, and what their normalised characters are."""

    def __init__(
        self,
        model: bytes,
        *,
        do_lower_case: bool = True,
        keep_accents: bool = False,
        remove_space: bool = True,
    ) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_proto=model)
        self._lower = do_lower_case
        self._keep_accents = keep_accents
        self._remove_space = remove_space

    def prepared(self, text: str) -> str:
        if self._remove_space:
            text = " ".join(text.strip().split())
        text = text.replace("``", '"').replace("''", '"')
        if not self._keep_accents:
            text = unicodedata.normalize("NFKD", text)
            text = "".join(each for each in text if not unicodedata.combining(each))
        return text.lower() if self._lower else text

    def normalized(self, text: str) -> str:
        return str(self._model.normalize(self.prepared(text)))

    def pieces(self, text: str) -> list[str]:
        pieces: list[str] = []
        for piece in self._encode(self.prepared(text)):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                head = self._encode(piece[:-1].replace("▁", ""))
                if piece[0] != "▁" and head[0][0] == "▁":
                    head = head[1:] if len(head[0]) == 1 else [head[0][1:], *head[1:]]
                pieces += [*head, ","]
            else:
                pieces.append(piece)
        return pieces

    def ids(self, text: str) -> list[int]:
        return [int(self._model.piece_to_id(piece)) for piece in self.pieces(text)]

    def score(self, ids: Sequence[int]) -> float:
        """Sum of the pieces' scores."""
        return sum(float(self._model.get_score(each)) for each in ids)

    def is_tie(self, first: Sequence[int], second: Sequence[int]) -> bool:
        return abs(self.score(first) - self.score(second)) < TIE

    def _encode(self, text: str) -> list[str]:
        return list(self._model.encode(text, out_type=str))


def train(vocab_size: int = 400, **settings: Any) -> bytes:
    """Train a small unigram model with ALBERT's symbols, on prepared lines of several scripts."""
    written = io.BytesIO()
    options: dict[str, Any] = {
        "model_type": "unigram",
        "normalization_rule_name": "nmt_nfkc",
        "pad_id": 0,
        "unk_id": 1,
        "bos_id": -1,
        "eos_id": -1,
        "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
        "user_defined_symbols": list(USER_DEFINED),
        "num_threads": 1,
        "minloglevel": 2,
        "hard_vocab_limit": False,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training_lines()),
        model_writer=written,
        vocab_size=vocab_size,
        **(options | settings),
    )
    return written.getvalue()


def training_lines() -> list[str]:
    draw = random.Random(1)
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8").lower()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for _ in range(400):
        head, rest = draw.choice((1, 20, 35)), draw.choice(("000", "500", "100", "0"))
        lines.append(f"about {head}, or {head},{rest} men: {rest} and {draw.randrange(3000)}")
    return lines + ["οδος και λογος σοφος", "한국어 문장을 나눈다", "中文 日本語 ひらがな"] * 20


_POOLS = (
    [chr(each) for each in range(32, 127)],
    [chr(each) for each in range(1, 0x3000)],
    list("0123456789,,,.-% $"),
    list("`'\"“”‘’ab -–()."),
    list(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u200b\u200d\ufeff▁▁ab\u0301"),
    list("😀👍🏽👩‍👩‍👧🇬🇧a ❤️"),
    list("日本語中文한국어ひらがなカﾀｶﾅ， a。"),
    list("ΑΣσςΟ' .aΣ\u0301b"),
    list("éèñüÅøßİıŉǆa\u0301\u0323ﬁﬀ½²№"),
    list("<pad><unk>[CLS][SEP][MASK] "),
)


def varied_texts(count: int, seed: int) -> Iterator[str]:
    """Yield texts of many kinds by turns: prose, numbers, scripts, spaces, very long words."""
    draw = random.Random(seed)
    lines = training_lines()
    for number in range(count):
        kind = number % (len(_POOLS) + 4)
        if kind < len(_POOLS):
            yield "".join(draw.choices(_POOLS[kind], k=draw.randrange(60)))
        elif kind == len(_POOLS):
            yield "".join(chr(_scalar(draw)) for _ in range(draw.randrange(30)))
        elif kind == len(_POOLS) + 1:
            yield "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randrange(50, 300)))
        elif kind == len(_POOLS) + 2:
            head = draw.choice((1, 2, 12, 15, 20, 31, 64, 2008, 1999, draw.randrange(10**4)))
            yield f"It was {head},{draw.randrange(10 ** draw.randrange(1, 5))} in all"
        else:
            yield draw.choice(lines).title()


def _scalar(draw: random.Random) -> int:
    point = draw.randrange(0x110000 - 0x800)
    return point if point < 0xD800 else point + 0x800
