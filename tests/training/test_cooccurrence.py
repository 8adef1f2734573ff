import numpy as np

from training.cooccurrence import cooccurrence_counts


def test_nearer_neighbours_count_more_and_both_ways() -> None:
    counts = cooccurrence_counts(np.array([1, 2, 3]), vocabulary=4, window=2)
    assert counts.tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 0.5],
        [0, 1, 0, 1],
        [0, 0.5, 1, 0],
    ]


def test_blocks_lose_no_pair_between_them(monkeypatch) -> None:
    tokens = np.random.default_rng(0).integers(0, 9, 100)
    whole = cooccurrence_counts(tokens, vocabulary=9, window=3)
    monkeypatch.setattr("training.cooccurrence.COUNTED_AT_ONCE", 30)
    assert np.isclose(cooccurrence_counts(tokens, vocabulary=9, window=3), whole).all()
