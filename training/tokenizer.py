"""Trains the lower-cased unigram vocabulary, in the form that ALBERT's own tokenizer has."""

import json
import math
from collections import Counter
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from tokenizers.trainers import UnigramTrainer

SPECIAL_TOKENS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
VOCABULARY = 12_000
WORD_START = "▁"
KNOWN = "–—…£€°§©™"
SHORT_WORD_COUNT = 20


def build_tokenizer(model: Unigram | None = None) -> Tokenizer:
    """The pipeline around the vocabulary: text in, ``[CLS] A [SEP] B [SEP]`` out.

    Normalisation is ALBERT's. Punctuation is cut from words, so that the end of an answer is
    always the end of a token; it keeps the word-start mark where a space comes before it. Text is
    split at spaces before the mark is put in their place, so that no token's characters begin with
    a space.
    """
    tokenizer = Tokenizer(model or Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex("``|''|[“”]"), '"'),
            normalizers.Replace(Regex("[‘’]"), "'"),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=WORD_START, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(r"▁?[^\w\s▁]"), behavior="isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=WORD_START, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


def train_tokenizer(texts: list[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """A tokenizer whose ``vocabulary`` pieces (special tokens included) are learnt from the texts.

    Characters outside Western text are unknown to it: single pieces for each would take a tenth of
    so small a vocabulary.
    """
    tokenizer = build_tokenizer()
    normalise = tokenizer.normalizer.normalize_str
    known = [_without_rare_characters(normalise(text)) for text in texts]
    trainer = UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        unk_token="<unk>",
        max_piece_length=16,
        show_progress=False,
    )
    tokenizer.train_from_iterator(known, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]["vocab"]
    pieces = _with_short_words(learnt, known, tokenizer)
    tokenizer = build_tokenizer(Unigram(pieces, UNK, False))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    ids = [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS]
    if ids != list(range(len(SPECIAL_TOKENS))):
        raise RuntimeError(f"the special tokens got the ids {ids}")
    return tokenizer


def _without_rare_characters(text: str) -> str:
    return "".join(
        character if character < "\x7f" or character in KNOWN else " " for character in text
    )


def _with_short_words(
    learnt: list[tuple[str, float]], texts: list[str], tokenizer: Tokenizer
) -> list[tuple[str, float]]:
    """Puts words and marks of one character (``▁i``, ``▁(``) in place of the rarest pieces.

    The trainer leaves most of them out, and each would then cost two tokens.
    """
    split = tokenizer.pre_tokenizer.pre_tokenize_str
    counts = Counter(piece for text in texts[::10] for piece, _ in split(text))
    total = sum(len(encoding) for encoding in tokenizer.encode_batch_fast(texts[::10]))
    present = {piece for piece, _ in learnt}
    missing = [
        (piece, math.log(count / total))
        for piece, count in counts.items()
        if len(piece) == 2 and count >= SHORT_WORD_COUNT and piece not in present
    ]
    specials, rest = learnt[: len(SPECIAL_TOKENS)], learnt[len(SPECIAL_TOKENS) :]
    removable = sorted(
        (score, piece) for piece, score in rest if len(piece) > 1 and piece not in KNOWN
    )
    removed = {piece for _, piece in removable[: len(missing)]}
    kept = [(piece, score) for piece, score in rest if piece not in removed]
    return [(piece, score) for piece, score in specials] + sorted(
        kept + missing, key=lambda entry: -entry[1]
    )


def save_tokenizer(tokenizer: Tokenizer, directory: Path) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json`` as transformers reads them."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(TOKENIZER_CONFIG, encoding="utf-8")


TOKENIZER_CONFIG = """{
  "tokenizer_class": "PreTrainedTokenizerFast",
  "do_lower_case": true,
  "model_max_length": 512,
  "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
  "pad_token": "<pad>",
  "unk_token": "<unk>",
  "cls_token": "[CLS]",
  "sep_token": "[SEP]",
  "mask_token": "[MASK]"
}
"""


def load_tokenizer(directory: Path) -> Tokenizer:
    """The tokenizer of a checkpoint or tokenizer directory."""
    return Tokenizer.from_file(str(directory / "tokenizer.json"))
