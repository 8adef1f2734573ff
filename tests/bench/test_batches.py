from hypothesis import given
from hypothesis import strategies as st

from bench.batches import single_batches, sorted_batches

LENGTHS = st.lists(st.integers(1, 384), max_size=60)


@given(LENGTHS, st.sampled_from([128, 256, 512]))
def test_every_text_is_in_one_batch_and_the_budget_is_kept(lengths, budget):
    batches = sorted_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[position] for position in batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS)
def test_the_longest_run_starts_first(lengths):
    longest = [
        max(lengths[position] for position in batch) for batch in sorted_batches(lengths, 256)
    ]
    assert longest == sorted(longest, reverse=True)


def test_texts_alone_keep_their_order():
    assert single_batches([5, 9, 2]) == [[0], [1], [2]]
