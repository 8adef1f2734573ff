"""Texts of given lengths for any server: as many as a load needs, no two the same."""

import json
import random
from collections.abc import Sequence

from bench.checkpoints import SENTENCES
from bench.lengths import LengthMix
from bench.texts import SPECIAL_TOKENS

WORDS = tuple(sorted({word for text in SENTENCES for word in text.split() if word.isalpha()}))
"""Common English words: one token each for the measured model of random weights, and nearly so for
any other.
"""

INTERACTIVE = LengthMix("interactive", median=22, sigma=0.5, shortest=6, longest=64)
"""Questions, searches and messages: mean 25 tokens."""


def distinct_texts(lengths: Sequence[int], seed: int = 0) -> list[str]:
    """One text for each of ``lengths`` (tokens, special tokens included), its words drawn at
    random.

    Identical texts in flight could be answered by one run, which would not be the same load.
    """
    source = random.Random(seed)
    texts: dict[str, None] = {}
    for length in lengths:
        count = max(2, length - SPECIAL_TOKENS)
        text = " ".join(source.choices(WORDS, k=count))
        while text in texts:
            text = " ".join(source.choices(WORDS, k=count))
        texts[text] = None
    return list(texts)


def body_of(inputs: str | Sequence[str]) -> str:
    """The request body for one text or for several."""
    return json.dumps({"inputs": inputs})
