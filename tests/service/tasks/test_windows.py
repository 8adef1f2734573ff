"""Windows cover everything, within their capacity, as Hugging Face's tokenizers cut it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from service.tasks.windows import count_windows, windows

sizes = st.integers(1, 60).flatmap(lambda c: st.tuples(st.just(c), st.integers(0, c - 1)))


@given(st.integers(0, 500), sizes)
def test_windows_cover_every_token_and_overlap_as_asked(length, size):
    capacity, overlap = size
    ranges = windows(length, capacity, overlap)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == length
    assert len(ranges) == count_windows(length, capacity, overlap)
    assert all(0 <= end - start <= capacity for start, end in ranges)
    for (_, before_end), (start, _) in itertools.pairwise(ranges):
        assert before_end - start == overlap


@given(st.integers(1, 200), sizes)
def test_windows_are_those_of_truncation_with_overflow(length, size):
    capacity, overlap = size
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0} | {str(n): n + 1 for n in range(length)}, "[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.enable_truncation(capacity, stride=overlap)
    encoding = tokenizer.encode(" ".join(map(str, range(length))))
    reference = [(part.ids[0] - 1, part.ids[-1]) for part in [encoding, *encoding.overflowing]]
    assert windows(length, capacity, overlap) == reference


@pytest.mark.parametrize(("capacity", "overlap"), [(5, 5), (5, 6), (5, -1), (0, 0)])
def test_windows_that_would_not_advance_are_refused(capacity, overlap):
    with pytest.raises(ValueError, match="cannot overlap"):
        windows(10, capacity, overlap)
    with pytest.raises(ValueError, match="cannot overlap"):
        count_windows(1, capacity, overlap)
