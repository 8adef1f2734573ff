import numpy as np
import pytest

from training.corpus import Corpus
from training.masking import MASKED_SHARE, mask_ngrams, segment_pair
from training.tokenizer import CLS, MASK, SEP

VOCABULARY = 50
BEGINS_WORD = np.arange(VOCABULARY) % 2 == 0
LENGTH = 32


@pytest.fixture
def corpus() -> Corpus:
    """Two documents of 100 tokens, a sentence every ten; the second one's ids are 40 or more."""
    tokens = np.concatenate([np.arange(100) % 30 + 5, np.arange(100) % 10 + 40]).astype(np.uint16)
    return Corpus(tokens, np.array([0, 100, 200]), np.arange(0, 200, 10))


def test_a_row_is_two_segments_of_one_document(corpus: Corpus) -> None:
    for seed in range(50):
        ids, types, _ = segment_pair(corpus, LENGTH, np.random.default_rng(seed))
        assert len(ids) == LENGTH
        assert ids[0] == CLS
        separators = np.flatnonzero(ids == SEP)
        assert len(separators) == 2
        assert separators[1] == LENGTH - 1
        assert types.tolist() == [0] * (separators[0] + 1) + [1] * (LENGTH - separators[0] - 1)
        text = ids[ids >= 5]
        assert (text >= 40).all() or (text < 40).all()


def test_swapped_segments_are_in_the_wrong_order(corpus: Corpus) -> None:
    seen = set()
    for seed in range(30):
        ids, types, swapped = segment_pair(corpus, LENGTH, np.random.default_rng(seed))
        second = ids[types == 1][:-1]
        first = ids[types == 0][1:-1]
        whole = np.concatenate([second, first] if swapped else [first, second])
        places = [
            i for i in range(200 - len(whole)) if (corpus.tokens[i:][: len(whole)] == whole).all()
        ]
        assert places
        seen.add(swapped)
    assert seen == {0, 1}


def test_masking_hides_about_its_share_and_never_special_tokens() -> None:
    draw = np.random.default_rng(0)
    ids = np.concatenate([[CLS], draw.integers(5, VOCABULARY, 120), [SEP]])
    hidden, positions = mask_ngrams(ids, BEGINS_WORD, draw)
    assert len(positions) == pytest.approx(MASKED_SHARE * 120, abs=4)
    assert 0 not in positions
    assert len(ids) - 1 not in positions
    untouched = np.setdiff1d(np.arange(len(ids)), positions)
    assert (hidden[untouched] == ids[untouched]).all()


def test_words_are_hidden_whole() -> None:
    ids = np.array([CLS, *([6, 7, 7] * 40), SEP])
    _, positions = mask_ngrams(ids, BEGINS_WORD, np.random.default_rng(0))
    chosen = np.isin(np.arange(1, 121), positions).reshape(40, 3)
    whole = chosen.all(axis=1) | ~chosen.any(axis=1)
    assert whole.sum() >= 39


def test_most_hidden_tokens_are_masks_and_some_are_left_or_swapped() -> None:
    masks = kept = total = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        ids = np.concatenate([[CLS], draw.integers(5, VOCABULARY, 100), [SEP]])
        hidden, positions = mask_ngrams(ids, BEGINS_WORD, draw)
        masks += int((hidden[positions] == MASK).sum())
        kept += int((hidden[positions] == ids[positions]).sum())
        total += len(positions)
    assert masks / total == pytest.approx(0.8, abs=0.03)
    assert 0.08 < kept / total < 0.15
