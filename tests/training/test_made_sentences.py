import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets import LabelledText
from training.made_sentences import (
    ASSERTIONS,
    NEGATIONS,
    NEGATIVE,
    POSITIVE,
    SUBJECTS,
    TURNS,
    negated,
    polar_words,
    slipped,
    turned,
)

GOOD = LabelledText("splendid", POSITIVE)


def test_words_are_taken_that_are_labelled_alone_and_often_graded() -> None:
    phrases = [
        LabelledText("dull ", NEGATIVE),
        LabelledText("a dull film ", NEGATIVE),
        LabelledText("lamp ", POSITIVE),
        LabelledText("slowly ", NEGATIVE),
    ]
    reviews = ["Very dull. It was very slowly told, and the lamp was very, very dull"] * 8
    assert polar_words(phrases, reviews) == [LabelledText("dull ", NEGATIVE)]
    assert polar_words(phrases, reviews[:3]) == []


def test_a_negation_turns_the_label_and_an_assertion_keeps_it() -> None:
    draw = random.Random(0)
    denied = {
        pattern.format(subject=subject, word="splendid")
        for pattern in NEGATIONS
        for subject in SUBJECTS
    }
    said = {
        pattern.format(subject=subject, word="splendid")
        for pattern in ASSERTIONS
        for subject in SUBJECTS
    }
    made = [negated([GOOD], draw) for _ in range(300)]
    assert {row.text for row in made if row.label == NEGATIVE} <= denied
    assert {row.text for row in made if row.label == POSITIVE} <= said
    assert {row.label for row in made} == {NEGATIVE, POSITIVE}


def test_the_sentence_after_the_turn_decides() -> None:
    rows = [LabelledText("the soup was cold .", NEGATIVE), LabelledText("i loved it !", POSITIVE)]
    for row in turned(rows, random.Random(0), 50):
        verdict = "i loved it." if row.label == POSITIVE else "the soup was cold."
        assert row.text.endswith(verdict)
        assert any(turn in row.text for turn in TURNS)


@given(st.text(alphabet="abc .é", max_size=40), st.integers())
def test_a_slip_changes_one_word_by_one_letter_at_most(text: str, seed: int) -> None:
    after = slipped(text, random.Random(seed))
    changed = [
        (before, now)
        for before, now in zip(text.split(" "), after.split(" "), strict=True)
        if before != now
    ]
    assert len(changed) <= 1
    assert all(abs(len(before) - len(now)) <= 1 for before, now in changed)


def test_a_text_of_short_words_has_no_slip() -> None:
    assert slipped("it is ok", random.Random(0)) == "it is ok"
    assert any(slipped("splendid", random.Random(seed)) != "splendid" for seed in range(5))


@pytest.mark.parametrize("pattern", [*NEGATIONS, *ASSERTIONS])
def test_every_pattern_names_the_word(pattern: str) -> None:
    assert "{word}" in pattern
