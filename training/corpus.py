"""Turns the unlabelled corpora into one flat array of token ids, packed once, read by memory map.

Files written beside each other:

- ``tokens.npy``: uint16 [tokens], documents one after the other, without special tokens
- ``documents.npy``: int64 [documents + 1], where each document starts; the last entry is the end
- ``sentences.npy``: int64 [sentences], positions where a sentence starts
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from training.datasets import (
    Document,
    read_ag_news,
    read_bbc_news,
    read_imdb,
    read_reviews,
    read_reviews_labelled,
    read_wikipedia,
)
from training.tokenizer import WORD_START

WIKIPEDIA = ("wikipedia-aa1", "wikipedia-aa2", "wikipedia-ab1", "wikipedia-ab2")
VOCABULARY_SAMPLE_CHARACTERS = 24_000_000
ENCODE_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Corpus:
    """The packed corpus: see the module's text for the three arrays."""

    tokens: np.ndarray
    documents: np.ndarray
    sentences: np.ndarray


def unlabelled_documents(data: Path) -> Iterator[Document]:
    """Every text that may be trained on without labels; validation texts are not among them."""
    for name in WIKIPEDIA:
        yield from read_wikipedia(data / "corpora" / f"{name}.txt.xz")
    yield from read_reviews(data / "corpora" / "reviews-unlabelled.txt.xz")
    labelled = (
        read_imdb(data)[0],
        read_reviews_labelled(data, "amazon-4-domains"),
        read_ag_news(data)[0],
    )
    for row in chain.from_iterable(labelled):
        yield Document("", (row.text,))
    yield from read_bbc_news(data)


def vocabulary_sample(data: Path, seed: int = 0) -> Iterator[str]:
    """Paragraphs for the vocabulary: a random part of Wikipedia, and as much of the other texts."""
    draw = random.Random(seed)
    quota = {True: VOCABULARY_SAMPLE_CHARACTERS // 2, False: VOCABULARY_SAMPLE_CHARACTERS // 2}
    for document in unlabelled_documents(data):
        encyclopaedic = bool(document.title)
        keep = 0.07 if encyclopaedic else 0.12
        for paragraph in document.paragraphs:
            if quota[encyclopaedic] > 0 and draw.random() < keep:
                quota[encyclopaedic] -= len(paragraph)
                yield paragraph


def pack(data: Path, tokenizer: Tokenizer, directory: Path) -> int:
    """Writes the packed corpus into ``directory`` and returns its size in tokens."""
    if tokenizer.get_vocab_size() > np.iinfo(np.uint16).max:
        raise ValueError("the packed form is uint16; this vocabulary is larger")
    documents = unlabelled_documents(data)
    pieces: list[np.ndarray] = []
    lengths: list[int] = []
    while block := list(islice(documents, ENCODE_AT_ONCE)):
        texts = [" ".join(document.paragraphs) for document in block]
        for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            pieces.append(np.array(encoding.ids, dtype=np.uint16))
            lengths.append(len(pieces[-1]))
    tokens = np.concatenate(pieces)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / "documents.npy", starts)
    np.save(directory / "sentences.npy", sentence_starts(tokens, starts, tokenizer))
    np.save(directory / "tokens.npy", tokens)
    return len(tokens)


def sentence_starts(tokens: np.ndarray, documents: np.ndarray, tokenizer: Tokenizer) -> np.ndarray:
    """Positions (int64, ascending) of sentence starts: a word after ``.``, ``!`` or ``?``."""
    vocabulary = tokenizer.get_vocab()
    ends = [vocabulary[mark] for mark in (".", "!", "?") if mark in vocabulary]
    begins_word = word_starts(tokenizer)
    after_end = np.isin(tokens[:-1], ends) & begins_word[tokens[1:]]
    inner = np.flatnonzero(after_end).astype(np.int64) + 1
    return np.union1d(inner, documents[:-1])


def word_starts(tokenizer: Tokenizer) -> np.ndarray:
    """For each id of the vocabulary, whether the piece begins a word: bool [vocabulary]."""
    pieces = [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())]
    return np.array([piece.startswith(WORD_START) for piece in pieces])


def load_corpus(directory: Path) -> Corpus:
    """Opens a packed corpus without reading it into memory."""
    return Corpus(
        np.load(directory / "tokens.npy", mmap_mode="r"),
        np.load(directory / "documents.npy"),
        np.load(directory / "sentences.npy"),
    )
