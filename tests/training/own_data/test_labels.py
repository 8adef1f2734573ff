import pytest

from training.own_data.labels import label_set


@pytest.mark.parametrize(
    ("spellings", "names"),
    [
        (["b", "A", "c", "b"], ("A", "b", "c")),
        (["10", "2", "1"], ("1", "2", "10")),
        (["1.0", "0.0", "1"], ("0", "1")),
        (["2.5", "10", "-1"], ("-1", "2.5", "10")),
        (["10", "2", "two"], ("2", "10", "two")),
        (["negative", "positive"], ("negative", "positive")),
        (["0", "1"], ("0", "1")),
    ],
)
def test_labels_have_a_fixed_order(spellings: list[str], names: tuple[str, ...]) -> None:
    assert label_set(spellings, polarities=False).names == names
    assert label_set(spellings[::-1], polarities=False).names == names


@pytest.mark.parametrize(
    ("spellings", "names"),
    [
        (["0", "1"], ("negative", "positive")),
        (["1.0", "0.0"], ("negative", "positive")),
        (["neg", "POS"], ("negative", "positive")),
        (["true", "false"], ("negative", "positive")),
        (["-1", "1"], ("negative", "positive")),
        (["-1", "0", "1"], ("negative", "neutral", "positive")),
        (["Positive", "neutral", "Negative"], ("negative", "neutral", "positive")),
        (["1", "2", "3", "4", "5"], ("1", "2", "3", "4", "5")),
        (["angry", "happy"], ("angry", "happy")),
        (["0", "4"], ("0", "4")),
    ],
)
def test_usual_spellings_of_sentiment_are_negative_neutral_and_positive(
    spellings: list[str], names: tuple[str, ...]
) -> None:
    assert label_set(spellings, polarities=True).names == names


def test_a_spelling_of_the_file_leads_to_the_label_s_number() -> None:
    labels = label_set(["1.0", "0.0"], polarities=False)
    assert [labels.number_of(one) for one in ("0.0", "1.0", "1", "2")] == [0, 1, 1, None]


def test_another_spelling_in_a_validation_file_means_the_same_sentiment() -> None:
    labels = label_set(["neg", "pos"], polarities=True)
    assert [labels.number_of(one) for one in ("Negative", "1", "0", "neutral")] == [0, 1, 0, None]
