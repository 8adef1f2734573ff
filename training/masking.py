"""Plans what masked language modelling hides, and cuts segments for sentence-order prediction."""

import numpy as np

from training.corpus import Corpus
from training.tokenizer import CLS, MASK, SEP, SPECIAL_TOKENS

MASKED_SHARE = 0.18
NGRAM_LENGTHS = (1, 2, 3)
NGRAM_SHARES = np.array([6, 3, 2]) / 11  # 1/n, as ALBERT's paper has it
SWAPPED_SHARE = 0.5


def segment_pair(
    corpus: Corpus, length: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """A row ``[CLS] A [SEP] B [SEP]`` of exactly ``length`` tokens from one document.

    Returns int64 ids [length], type ids [length], and 1 where the segments were swapped. A starts
    at the start of a sentence where there is one, and B at the one nearest to the middle.
    """
    content = length - 3
    first, last = _window(corpus, content, draw)
    cut = _cut(corpus.sentences, first, last)
    parts = [corpus.tokens[first:cut], corpus.tokens[cut:last]]
    swapped = int(draw.random() < SWAPPED_SHARE)
    if swapped:
        parts.reverse()
    ids = np.concatenate([[CLS], parts[0], [SEP], parts[1], [SEP]]).astype(np.int64)
    types = np.zeros(length, dtype=np.int64)
    types[len(parts[0]) + 2 :] = 1
    return ids, types, swapped


def _window(corpus: Corpus, content: int, draw: np.random.Generator) -> tuple[int, int]:
    while True:
        place = int(draw.integers(len(corpus.tokens)))
        document = int(np.searchsorted(corpus.documents, place, side="right")) - 1
        begin, end = corpus.documents[document], corpus.documents[document + 1]
        if end - begin < content:
            continue
        sentence = corpus.sentences[np.searchsorted(corpus.sentences, place, side="right") - 1]
        first = int(min(max(sentence, begin), end - content))
        return first, first + content


def _cut(sentences: np.ndarray, first: int, last: int) -> int:
    """The sentence start nearest to the middle, or the middle where no sentence starts inside."""
    middle = (first + last) // 2
    margin = (last - first) // 8
    inside = sentences[np.searchsorted(sentences, first + margin) :]
    inside = inside[: np.searchsorted(inside, last - margin)]
    if not len(inside):
        return middle
    return int(inside[np.argmin(np.abs(inside - middle))])


def mask_ngrams(
    ids: np.ndarray, begins_word: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hides runs of one to three whole words, about ``MASKED_SHARE`` of the tokens.

    ``ids``: int64 [length]; ``begins_word``: bool [vocabulary]. Returns the row with tokens hidden
    (8 in 10 ``[MASK]``, 1 in 10 any token, 1 in 10 itself) and the hidden positions, ascending.
    """
    hideable = ids >= len(SPECIAL_TOKENS)
    starts = np.flatnonzero(hideable & begins_word[ids])
    budget = round(MASKED_SHARE * int(hideable.sum()))
    chosen = np.zeros(len(ids), dtype=bool)
    for begin in draw.permutation(len(starts)):
        if int(chosen.sum()) >= budget:
            break
        words = int(draw.choice(NGRAM_LENGTHS, p=NGRAM_SHARES))
        end = starts[begin + words] if begin + words < len(starts) else starts[begin] + 1
        run = np.arange(starts[begin], end)
        run = run[hideable[run]]
        if chosen.sum() + len(run) <= budget + 2:
            chosen[run] = True
    positions = np.flatnonzero(chosen)
    hidden = ids.copy()
    fate = draw.random(len(positions))
    hidden[positions[fate < 0.8]] = MASK
    other = positions[fate >= 0.9]
    hidden[other] = draw.integers(len(SPECIAL_TOKENS), len(begins_word), len(other))
    return hidden, positions
