import pytest

from training.metrics import accuracy, exact_match, token_f1


def test_accuracy_is_the_share_that_agrees() -> None:
    assert accuracy([1, 0, 1, 1], [1, 1, 1, 1]) == 0.75


def test_exact_match_overlooks_case_articles_and_punctuation() -> None:
    assert exact_match("The Baltic Sea.", ["baltic sea"]) == 1
    assert exact_match("Baltic", ["baltic sea"]) == 0


def test_f1_is_the_best_overlap_of_words() -> None:
    assert token_f1("in the Baltic Sea", ["Baltic Sea", "nowhere"]) == pytest.approx(0.8)
    assert token_f1("elsewhere", ["Baltic Sea"]) == 0


def test_only_the_empty_answer_is_right_where_there_is_none() -> None:
    assert token_f1("", []) == 1
    assert token_f1("something", []) == 0
