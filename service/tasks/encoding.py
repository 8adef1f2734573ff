"""Texts to token ids: the tokenizer of a model, and the special tokens around what it gives."""

import unicodedata
from collections.abc import Iterable
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from model_directory.manifest import TokenizerFacts
from service.runtime.sequence import Ids, Sequence

SINGLE_SPECIAL_TOKENS = 2
"""[CLS] text [SEP]"""
GIL_CHARACTERS = 1_000
"""Up to this many code points (about 0.1 ms) are encoded without letting other threads run: to give
the interpreter lock away and get it back from a busy worker costs more than that."""
SHORT_CHARACTERS = 4_000
"""Of more it is not told how many the tokenizer makes of them: they are many in any case."""
PAIR_SPECIAL_TOKENS = 3
"""[CLS] first [SEP] second [SEP]"""
SHARED_TYPES = 64
"""Rows made one after the other whose token types are one array: the windows of a text are of one
length, and thousands of them may wait."""


class EncodedText:
    """The tokens of one text, without special tokens."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._ids: Ids | None = None

    @property
    def ids(self) -> Ids:
        """Token ids, int64 ``[tokens]``."""
        if self._ids is None:
            self._ids = np.array(self.encoding.ids, dtype=np.int64)
        return self._ids

    @property
    def token_ids(self) -> list[int]:
        """Token ids as plain integers."""
        return self.encoding.ids

    @property
    def tokens(self) -> list[str]:
        """What the vocabulary writes for each token."""
        return self.encoding.tokens

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """For each token its first and one-past-last code point in the text."""
        return [self.characters_of(token) for token in range(len(self))]

    def characters(self, first: int, last: int) -> tuple[int, int]:
        """First and one-past-last code point, in the text, of tokens ``first … last``.

        Asked token by token: to fetch the offsets of a long text's tokens all at once holds the
        interpreter for tens of milliseconds.
        """
        return self.characters_of(first)[0], self.characters_of(last)[1]

    def characters_of(self, token: int) -> tuple[int, int]:
        """First and one-past-last code point, in the text, of a token. Raises IndexError."""
        characters = self.encoding.token_to_chars(token)
        if characters is None:
            raise IndexError(f"there is no token {token}")
        return characters

    @cached_property
    def word_ids(self) -> NDArray[np.int64]:
        """Number of the word that each token belongs to, -1 for none, int64 ``[tokens]``."""
        return np.asarray(
            [-1 if word is None else word for word in self.encoding.word_ids], dtype=np.int64
        )

    def __len__(self) -> int:
        return len(self.encoding)


def characters_read(texts: Iterable[str]) -> int:
    """Code points that the tokenizer reads of ``texts`` of at most ``SHORT_CHARACTERS``: ALBERT's
    takes letters apart (NFKD), of which one may become 18.
    """
    total = 0
    for text in texts:
        as_it_is = text.isascii() or total + len(text) > SHORT_CHARACTERS
        total += len(text if as_it_is else unicodedata.normalize("NFKD", text))
    return total


class TextEncoder:
    """A model's tokenizer. May be used by several threads at once."""

    def __init__(self, tokenizer_json: bytes, facts: TokenizerFacts) -> None:
        self._tokenizer = Tokenizer.from_buffer(tokenizer_json)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._cls = np.array([facts.cls_token_id], dtype=np.int64)
        self._sep = np.array([facts.sep_token_id], dtype=np.int64)

    def encode(self, texts: Iterable[str]) -> list[EncodedText]:
        """Tokens of each text, however long, without special tokens."""
        texts = list(texts)
        if sum(map(len, texts)) <= GIL_CHARACTERS:
            encodings = [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [EncodedText(encoding) for encoding in encodings]

    def single(self, ids: Ids) -> Sequence:
        """``[CLS] ids [SEP]``, all of type 0."""
        input_ids = np.concatenate([self._cls, ids, self._sep])
        return Sequence(input_ids, _token_types(len(input_ids), 0))

    def pair(self, first: Ids, second: Ids) -> Sequence:
        """``[CLS] first [SEP] second [SEP]``, type 0 up to the first [SEP] and 1 behind it."""
        input_ids = np.concatenate([self._cls, first, self._sep, second, self._sep])
        return Sequence(input_ids, _token_types(len(first) + 2, len(second) + 1))


@lru_cache(SHARED_TYPES)
def _token_types(zeros: int, ones: int) -> Ids:
    """So many 0 and then so many 1, int64 ``[zeros + ones]``, not to be written to."""
    types = np.zeros(zeros + ones, dtype=np.int64)
    types[zeros:] = 1
    types.flags.writeable = False
    return types
