"""Makes what pretraining reads: vocabulary, packed corpus, warm start and cloze questions."""

from pathlib import Path

import numpy as np

from training.cloze import cloze_rows
from training.cooccurrence import cooccurrence_counts, embeddings_from_counts
from training.corpus import load_corpus, pack, vocabulary_sample
from training.datasets import read_wikipedia
from training.encoder import WORD_WIDTH
from training.pretrain import LENGTH
from training.progress import replace_whole
from training.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer

COUNTED_PARTS = (slice(0, 50_000_000), slice(-20_000_000, None))
CLOZE_SHARD = "wikipedia-ab2"
CLOZE_ROWS = 240_000


def make_tokenizer(data: Path, work: Path) -> None:
    """Learns the vocabulary, unless ``work/tokenizer`` is there."""
    if not (work / "tokenizer" / "tokenizer.json").exists():
        save_tokenizer(train_tokenizer(list(vocabulary_sample(data))), work / "tokenizer")


def make_corpus(data: Path, work: Path) -> None:
    """Packs the corpus, counts neighbours and makes cloze questions, each unless it is there."""
    tokenizer = load_tokenizer(work / "tokenizer")
    if not (work / "corpus" / "tokens.npy").exists():
        pack(data, tokenizer, work / "corpus")
    if not (work / "warm-start.npz").exists():
        tokens, vocabulary = load_corpus(work / "corpus").tokens, tokenizer.get_vocab_size()
        counts = sum(cooccurrence_counts(tokens[part], vocabulary) for part in COUNTED_PARTS)
        frequencies = np.bincount(tokens, minlength=vocabulary)
        words = embeddings_from_counts(counts, WORD_WIDTH)
        _save(work / "warm-start.npz", words=words, frequencies=frequencies)
    if not (work / "cloze.npz").exists():
        articles = list(read_wikipedia(data / "corpora" / f"{CLOZE_SHARD}.txt.xz"))
        _save(work / "cloze.npz", **cloze_rows(articles, tokenizer, CLOZE_ROWS, LENGTH, seed=0))


def _save(path: Path, **arrays: np.ndarray) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    replace_whole(path, write)
