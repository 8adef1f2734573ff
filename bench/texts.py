"""English-looking texts of exactly known length in tokens."""

import random
from collections.abc import Sequence

from tokenizers import Tokenizer

SPECIAL_TOKENS = 2
"""[CLS] text [SEP]"""


def write_texts(
    tokenizer: Tokenizer, sentences: Sequence[str], lengths: Sequence[int], seed: int = 0
) -> list[str]:
    """One text for each of ``lengths`` (tokens, special tokens included), no two the same.

    A text starts inside one of ``sentences`` and goes on with others; their words must be one token
    each, which is checked on the finished texts.
    """
    source = random.Random(seed)
    texts: dict[str, None] = {}
    for length in lengths:
        text = _words(source, sentences, length - SPECIAL_TOKENS)
        while text in texts:  # identical texts could be answered by one run
            text = _words(source, sentences, length - SPECIAL_TOKENS)
        texts[text] = None
    written = list(texts)
    counted = [len(encoding.ids) for encoding in tokenizer.encode_batch(written)]
    if counted != list(lengths):
        raise ValueError("the tokenizer does not know every word of the sentences as one token")
    return written


def _words(source: random.Random, sentences: Sequence[str], count: int) -> str:
    words: list[str] = []
    while len(words) < count:
        following = source.choice(sentences).split()
        words += following if words else following[source.randrange(len(following)) :]
    return " ".join(words[:count])
