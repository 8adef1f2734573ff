import json
import random
from pathlib import Path
from typing import Any

import pytest

from bench.checkpoints import TINY, build_tokenizer, config_of
from export.config import parse_config
from export.tokenizer import CheckedTokenizer, check_tokenizer
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.question_data import (
    QuestionData,
    QuestionFiles,
    load_questions,
    training_rows,
    windows,
)
from training.rows import Row

LONGEST = 32


@pytest.fixture(scope="module")
def tokenizer() -> CheckedTokenizer:
    config = parse_config(json.dumps(config_of(TINY, None, None)).encode())
    return check_tokenizer(build_tokenizer(TINY.vocab_size).to_str().encode(), config)


def asked(number: int, answer: str = "london") -> dict[str, Any]:
    filler = "the film was good and the music was better " * (number % 4)
    context = f"{filler}{number} the city of london and the river"
    answers = [{"text": answer, "start": context.index(answer)}] if answer else []
    return {"context": context, "questions": [{"question": "where is it", "answers": answers}]}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def load(
    tokenizer: CheckedTokenizer, data: Path, *validation: Path
) -> tuple[QuestionData, list[str]]:
    bad = BadRows()
    loaded = load_questions(QuestionFiles((data,), validation), tokenizer, LONGEST, bad)
    return loaded, [str(row).rpartition("/")[2] for row in bad.rows]


def answer_of(row: Row, tokenizer: CheckedTokenizer) -> str:
    first, last = row.target
    text: str = tokenizer.tokenizer.decode(row.ids[first : last + 1].tolist())
    return text


def test_every_row_holds_its_answer(tokenizer: CheckedTokenizer, tmp_path: Path) -> None:
    data, bad = load(tokenizer, write(tmp_path / "a.jsonl", [asked(n) for n in range(40)]))
    assert (len(data.training), len(data.validation), bad) == (36, 4, [])
    rows = training_rows(data, LONGEST, random.Random(0))
    assert {answer_of(row, tokenizer) for row in rows if row.target != (0, 0)} == {"london"}
    assert sum(row.target != (0, 0) for row in rows) == 36
    assert max(len(row.ids) for row in rows) == LONGEST


def test_questions_without_an_answer_point_at_the_first_token(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    rows = [asked(number, "london" if number % 2 else "") for number in range(40)]
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows))
    assert data.has_unanswerable
    targets = [row.target for row in training_rows(data, LONGEST, random.Random(0))]
    assert len(targets) == len(data.training)
    assert targets.count((0, 0)) == sum(not one.answers for one in data.training)


def test_windows_cover_the_whole_context_and_overlap(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", [asked(n) for n in range(40)]))
    question = max(data.training, key=lambda one: len(one.context))
    context = data.encoded[question.context].ids.tolist()
    found = list(windows(question, data, LONGEST))
    assert len(found) > 1
    seen: set[int] = set()
    for window in found:
        part = window.row.ids[window.row.second_segment : -1].tolist()
        assert len(window.row.ids) <= LONGEST
        assert part == context[window.first : window.first + len(part)]
        assert not seen or window.first in seen
        seen.update(range(window.first, window.first + len(part)))
    assert seen == set(range(len(context)))


def test_an_answer_that_no_window_holds_is_a_bad_row(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    rows = [asked(number) for number in range(20)]
    long = asked(3)
    long["questions"][0]["answers"] = [{"text": long["context"], "start": 0}]
    data, bad = load(tokenizer, write(tmp_path / "a.jsonl", [*rows, long]))
    assert len(data.training) + len(data.validation) == 20
    assert bad == [
        "a.jsonl:21: questions[0]: the answer is too long: 36 tokens, 24 fit beside the question"
    ]


def test_given_validation_files_are_used_and_shared_contexts_noted(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    train = write(tmp_path / "a.jsonl", [asked(number) for number in range(12)])
    given = write(tmp_path / "b.jsonl", [asked(3), asked(99)])
    data, _ = load(tokenizer, train, given)
    assert (len(data.training), len(data.validation)) == (12, 2)
    assert any("1 validation question is over contexts" in note for note in data.notes)


def test_answers_that_the_route_s_defaults_do_not_find_are_noted(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    rows = [asked(number) for number in range(20)]
    for one in rows[3::4]:
        text = one["context"][: one["context"].index("london")]
        one["questions"][0]["answers"] = [{"text": text[:80], "start": 0}]
    given = write(tmp_path / "b.jsonl", [asked(99)])
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows), given)
    assert [note for note in data.notes if note.startswith("5 answers are longer than 15 tokens")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([asked(number) for number in range(9)], "there are 9 questions"),
        ([asked(0)] * 12, "over too few contexts"),
        ([asked(number, "") for number in range(20)], "no question has an answer"),
    ],
)
def test_questions_from_which_nothing_can_be_learnt_are_refused(
    rows: list[dict[str, Any]], message: str, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        load(tokenizer, write(tmp_path / "a.jsonl", rows))
