from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.datasets import Question
from training.own_data.validation_split import held_out_questions, held_out_texts, same_text


def question(article: str, context: str, number: int) -> Question:
    return Question(article, context, f"Question {number}?", ())


def test_a_tenth_of_each_label_is_held_out() -> None:
    labels = ["common"] * 200 + ["rare"] * 30 + ["scarce"] * 6 + ["lone"] * 4
    texts = [f"text {number}" for number in range(len(labels))]
    held_out = held_out_texts(texts, labels)
    assert Counter(labels[row] for row in held_out) == {"common": 20, "rare": 3, "scarce": 1}


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60))
def test_equal_texts_are_on_one_side(texts: list[str]) -> None:
    spelt = [
        text.upper() + "  x " if number % 2 else text + " X" for number, text in enumerate(texts)
    ]
    held_out = held_out_texts(spelt, [0] * len(spelt))
    validation = {same_text(spelt[row]) for row in held_out}
    training = {same_text(spelt[row]) for row in range(len(spelt)) if row not in held_out}
    assert not validation & training


@given(st.permutations(range(40)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    texts = [f"text {number}" for number in range(40)]
    usual = {texts[row] for row in held_out_texts(texts, [0] * 40)}
    shuffled = [texts[number] for number in order]
    assert {shuffled[row] for row in held_out_texts(shuffled, [0] * 40)} == usual


def test_whole_articles_are_held_out() -> None:
    questions = [question(f"Article {n // 5}", f"context {n}", n) for n in range(200)]
    held_out = held_out_questions(questions)
    assert 20 <= len(held_out) <= 30
    inside = {questions[row].article for row in held_out}
    assert inside.isdisjoint(questions[row].article for row in range(200) if row not in held_out)


def test_without_articles_whole_contexts_are_held_out() -> None:
    questions = [question("", f"context {n // 4}", n) for n in range(80)]
    held_out = held_out_questions(questions)
    assert len(held_out) == 8
    assert len({questions[row].context for row in held_out}) == 2


def test_a_context_under_two_titles_is_not_on_both_sides() -> None:
    questions = [
        question(f"Article {n // 2}", f"context {n % 50}", n) for n in range(100)
    ]  # every context stands in two articles
    held_out = held_out_questions(questions)
    contexts = {questions[row].context for row in held_out}
    assert held_out
    assert contexts.isdisjoint(questions[r].context for r in range(100) if r not in held_out)


def test_an_article_with_most_of_the_questions_is_trained_on() -> None:
    questions = [question("", "long", n) for n in range(90)]
    questions += [question("", f"context {n}", n) for n in range(10)]
    held_out = held_out_questions(questions)
    assert len(held_out) == 10
    assert 0 not in held_out
