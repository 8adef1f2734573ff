import itertools
import re

import pytest

from export.comma_rule import cutting_pattern, is_taken_apart
from export.unigram import Lattice

DIGITS = {str(digit): -6.0 for digit in range(10)}
SCORES = {"▁": -2.0, ",": -3.0, "x": -5.0} | DIGITS | {"▁12": -6.0, "▁1": -5.0, "▁12,": -7.0}


@pytest.mark.parametrize(
    ("piece", "is_one"),
    [("▁12,", True), ("2,", True), ("a1,", True), ("٣,", True), (",", False), ("a,", False)],
)
def test_the_rule_is_about_a_digit_and_a_comma(piece: str, is_one: bool) -> None:
    assert is_taken_apart(piece) is is_one


def test_without_rivals_no_word_is_cut() -> None:
    assert cutting_pattern(SCORES) is None
    assert cutting_pattern(DIGITS | {",": -3.0}) is None


@pytest.mark.parametrize("rival", [-8.0, -9.0, -10.0, -11.0, -13.0, -16.0])
@pytest.mark.parametrize("rest", [-8.0, -13.0])
def test_words_are_cut_where_the_piece_was_the_likeliest(rival: float, rest: float) -> None:
    """Compared with the rule itself, on all short words of the vocabulary's characters."""
    scores = SCORES | {"2,10": rival, ",100": rival - 1, "100": rest, "00": -7.0, "0x": -8.0}
    pattern = cutting_pattern(scores)
    kept = Lattice({piece: scores[piece] for piece in scores if not is_taken_apart(piece)})
    needed = 0
    for length in range(5):
        for followers in itertools.product("012,x", repeat=length):
            word = f"▁12,{''.join(followers)}"
            ruled: list[str | None] = []
            for piece in Lattice(scores).best(word):
                ruled += ["▁12", ","] if piece == "▁12," else [piece]
            head = re.match((pattern or "(?!)").replace(r"\A", ""), word)
            end = head.end() if head else 0
            needed += kept.best(word) != ruled
            assert kept.best(word[:end]) + kept.best(word[end:]) == ruled, word
    assert (needed > 0) is (pattern is not None)
    assert needed > 0 or rest < -8.0 or rival in (-8.0, -13.0, -16.0)


def test_a_vocabulary_without_end_of_rivals_takes_bounded_time() -> None:
    rivals = {f"2,{number}": -9.0 for number in range(3_000)}
    numbers = {str(number): -8.0 for number in range(10, 10_000)}
    heads = {f"▁{number},": -7.0 for number in range(200)}
    assert cutting_pattern(SCORES | DIGITS | rivals | numbers | heads) is not None
