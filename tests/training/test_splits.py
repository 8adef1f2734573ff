from training.splits import (
    HELD_OUT_PER_CENT,
    held_out_rows,
    is_held_out_article,
    mentions_any,
    normalised_title,
)


def test_spellings_of_a_title_are_one_article() -> None:
    assert normalised_title("New_York_City") == normalised_title("New York City")
    assert normalised_title("Frédéric_Chopin") == "frédéric chopin"


def test_an_article_is_held_out_under_every_spelling() -> None:
    titles = [f"Article_{number}" for number in range(2_000)]
    held_out = [title for title in titles if is_held_out_article(title)]
    assert all(is_held_out_article(title.replace("_", " ").upper()) for title in held_out)
    assert 0.5 * HELD_OUT_PER_CENT < 100 * len(held_out) / len(titles) < 1.5 * HELD_OUT_PER_CENT


def test_sets_without_titles_are_never_held_out_by_title() -> None:
    assert not any(is_held_out_article(title) for title in ("mixed", "nq", "qamr", ""))


def test_a_paragraph_that_names_a_held_out_article_is_found() -> None:
    assert mentions_any("The Baltic Sea is brackish.", ["Baltic_Sea"])
    assert not mentions_any("The Balticsea is not.", ["Baltic_Sea"])


def test_held_out_rows_do_not_depend_on_the_order_of_the_file() -> None:
    texts = [f"text {number}" for number in range(100)]
    chosen = {texts[row] for row in held_out_rows(texts, 10)}
    backwards = texts[::-1]
    assert {backwards[row] for row in held_out_rows(backwards, 10)} == chosen
    assert len(chosen) == 10


def test_copies_of_a_held_out_text_are_held_out_with_it() -> None:
    texts = [f"text {number % 50}" for number in range(100)]
    chosen = held_out_rows(texts, 5)
    assert len(chosen) == 10
    assert {texts[row] for row in chosen}.isdisjoint(
        texts[row] for row in range(100) if row not in chosen
    )
