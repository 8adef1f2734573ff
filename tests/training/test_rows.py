import numpy as np

from training.rows import Row, batches, pad


def row(length: int) -> Row:
    return Row(np.arange(5, 5 + length, dtype=np.uint16), max(1, length // 2), (length,))


def test_padding_is_masked_and_types_begin_at_the_second_segment() -> None:
    padded = pad([row(4), row(2)])
    assert padded.ids.tolist() == [[5, 6, 7, 8], [5, 6, 0, 0]]
    assert padded.mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert padded.types.tolist() == [[0, 0, 1, 1], [0, 1, 0, 0]]
    assert padded.targets.tolist() == [[4], [2]]


def test_every_row_is_in_one_batch_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 500)
    rows = [row(int(length)) for length in lengths]
    cut = list(batches(rows, 256, np.random.default_rng(1)))
    assert sorted(one.target[0] for batch in cut for one in batch) == sorted(lengths.tolist())
    assert all(pad(batch).ids.size <= 256 for batch in cut)


def test_batches_hold_rows_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 5_000)
    cut = list(batches([row(int(length)) for length in lengths], 512, np.random.default_rng(1)))
    padded = sum(pad(batch).ids.size for batch in cut)
    assert int(lengths.sum()) / padded > 0.9


def test_the_same_seed_gives_the_same_batches() -> None:
    rows = [row(length) for length in range(1, 40)]
    first, second = (
        [[one.target for one in batch] for batch in batches(rows, 99, np.random.default_rng(7))]
        for _ in range(2)
    )
    assert first == second
