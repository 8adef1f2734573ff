import random

from tokenizers import Tokenizer

from training.cloze import cloze_rows, make_cloze
from training.datasets import Document

ARTICLE = Document(
    "Chopin",
    tuple(
        f"In the year {1800 + n} the composer Frédéric Chopin gave {n + 2} concerts in the old "
        f"town of Warsaw, and many people came to hear him play the piano. "
        f"The river Vistula flows through the city, and William Smith crossed it in {1700 + n}."
        for n in range(40)
    ),
)


def made(count: int) -> list:
    clozes = (make_cloze(ARTICLE, random.Random(seed)) for seed in range(count))
    return [cloze for cloze in clozes if cloze is not None]


def test_the_answer_is_in_the_context_and_not_copied_into_the_question() -> None:
    clozes = made(200)
    assert len(clozes) > 100
    text = " ".join(ARTICLE.paragraphs)
    for cloze in clozes:
        assert cloze.context in text
        assert 0 <= cloze.start < cloze.end <= len(cloze.context)
    dates = [cloze for cloze in clozes if cloze.question.startswith("when ")]
    assert dates
    for cloze in dates:
        answer = cloze.context[cloze.start : cloze.end]
        assert answer.isdigit()
        assert answer not in cloze.question


def test_rows_have_their_answers_where_they_say(tokenizer: Tokenizer) -> None:
    rows = cloze_rows([ARTICLE], tokenizer, count=30, length=96, seed=1)
    assert rows["ids"].shape == (30, 96)
    answered = rows["start"] > 0
    assert answered.sum() > 20
    assert (rows["start"][answered] >= rows["question"][answered]).all()
    assert (rows["end"] >= rows["start"]).all()
    assert (rows["end"] < 95).all()
    whole = tokenizer.encode(" ".join(ARTICLE.paragraphs)).ids
    for ids, start, end in zip(rows["ids"], rows["start"], rows["end"], strict=True):
        if start:
            answer = ids[start : end + 1].tolist()
            assert any(whole[at : at + len(answer)] == answer for at in range(len(whole)))
