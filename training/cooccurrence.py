"""A warm start for the word embeddings: a factorisation of how often words stand near each other.

Two cores pretrain on some ten million tokens, too few to learn 12,000 word vectors by masked
language modelling. Counting all of the corpus costs a minute, and the truncated singular value
decomposition of its positive pointwise mutual information gives vectors in which alike words are
near (Levy & Goldberg 2014). Pretraining goes on from there.
"""

import numpy as np

from training.tokenizer import SPECIAL_TOKENS

WINDOW = 4
CONTEXT_SMOOTHING = 0.75
ROW_STANDARD_DEVIATION = 0.05
COUNTED_AT_ONCE = 4_000_000


def cooccurrence_counts(tokens: np.ndarray, vocabulary: int, window: int = WINDOW) -> np.ndarray:
    """How often two ids stand within ``window`` of each other, nearer ones counting more.

    ``tokens``: integer [tokens]. Returns float32 [vocabulary, vocabulary], symmetric.
    """
    counts = np.zeros(vocabulary * vocabulary, dtype=np.float32)
    for first in range(0, len(tokens), COUNTED_AT_ONCE):
        block = np.asarray(tokens[first : first + COUNTED_AT_ONCE + window], dtype=np.int64)
        for distance in range(1, window + 1):
            right = block[distance : distance + COUNTED_AT_ONCE]
            pairs = block[: len(right)] * vocabulary + right
            np.add.at(counts, pairs, np.float32(1 / distance))
    square = counts.reshape(vocabulary, vocabulary)
    return square + square.T


def embeddings_from_counts(counts: np.ndarray, width: int, seed: int = 0) -> np.ndarray:
    """Word vectors, float32 [vocabulary, width], from the counts; special tokens get noise."""
    import torch  # only here, so that counting needs no torch

    totals = counts.sum(axis=1)
    smoothed = totals**CONTEXT_SMOOTHING
    expected = totals[:, None] * (smoothed / smoothed.sum())[None, :]
    information = np.zeros_like(counts)
    seen = counts > 0
    information[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    torch.manual_seed(seed)
    left, values, _ = torch.svd_lowrank(torch.from_numpy(information), q=width + 16, niter=4)
    vectors = (left * values.sqrt())[:, :width].numpy()
    noise = np.random.default_rng(seed).standard_normal(vectors.shape).astype(np.float32)
    vectors -= vectors[len(SPECIAL_TOKENS) :].mean(axis=0)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(norms > 1e-6, vectors / np.maximum(norms, 1e-6), 0) * width**0.5
    unit[: len(SPECIAL_TOKENS)] = 0
    return (ROW_STANDARD_DEVIATION * (unit + 0.1 * noise)).astype(np.float32)
