import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.checkpoints import TINY, build_tokenizer, config_of
from export.config import parse_config
from export.tokenizer import CheckedTokenizer, check_tokenizer
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.labelled_rows import Columns
from training.own_data.text_data import TextData, TextFiles, load_texts, text_row

WORDS = "film music book river country machine program rates bank sea"


@pytest.fixture(scope="module")
def tokenizer() -> CheckedTokenizer:
    config = parse_config(json.dumps(config_of(TINY, ("a", "b"), None)).encode())
    return check_tokenizer(build_tokenizer(TINY.vocab_size).to_str().encode(), config)


def write(path: Path, rows: list[tuple[str, Any]]) -> Path:
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines))
    return path


def rows(count: int, *labels: Any) -> list[tuple[str, Any]]:
    words = WORDS.split()
    return [
        (f"the {words[number % 10]} number {number}", labels[number % len(labels)])
        for number in range(count)
    ]


def load(
    tokenizer: CheckedTokenizer,
    data: Path,
    *validation: Path,
    sentiment: bool = False,
    known: tuple[str, ...] | None = None,
    longest: int = 64,
) -> tuple[TextData, list[str]]:
    bad = BadRows()
    files = TextFiles((data,), validation, Columns(), sentiment)
    loaded = load_texts(files, tokenizer, longest, known, bad)
    return loaded, [str(row).rpartition("/")[2] for row in bad.rows]


def test_a_tenth_is_kept_for_validation_and_nothing_is_lost(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    data, bad = load(tokenizer, write(tmp_path / "a.jsonl", rows(100, "x", "y")))
    assert data.labels == ("x", "y")
    assert len(data.validation) == 10
    texts = {one.text for one in (*data.training, *data.validation)}
    assert texts == {text for text, _ in rows(100, "x")}
    assert bad == []


def test_a_row_has_the_tokenizer_s_ids_and_is_cut_at_the_end(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows(20, "x", "y")))
    one = data.training[0]
    whole = text_row(one, data, tokenizer, 64)
    assert whole.ids.tolist() == tokenizer.tokenizer.encode(one.text).ids
    assert whole.target == one.labels
    cut = text_row(one, data, tokenizer, 5)
    assert cut.ids.tolist() == [*whole.ids[:4].tolist(), tokenizer.facts.sep_token_id]


def test_several_labels_become_a_target_of_zeros_and_ones(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows(30, ["x"], ["y", "x"], [])))
    assert data.multi_label
    targets = {text_row(one, data, tokenizer, 64).target for one in data.training}
    assert targets == {(1, 0), (1, 1), (0, 0)}


def test_the_checkpoint_s_order_of_the_same_labels_is_kept(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", rows(20, "x", "y"))
    assert load(tokenizer, path, known=("y", "x"))[0].labels == ("y", "x")
    assert load(tokenizer, path, known=("y", "z"))[0].labels == ("x", "y")


def test_a_label_that_only_validation_has_is_a_bad_row(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    train = write(tmp_path / "a.jsonl", rows(20, "x", "y"))
    given = write(tmp_path / "b.jsonl", [("new film", "x"), ("new book", "z")])
    data, bad = load(tokenizer, train, given)
    assert [one.text for one in data.validation] == ["new film"]
    assert bad == ["b.jsonl:2: no row of the training data has this label: 'z'"]


def test_a_text_of_which_no_token_is_left_is_a_bad_row(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", [*rows(20, "x", "y"), ("\u0301\u0301", "x")])
    data, bad = load(tokenizer, path)
    assert len(data.training) + len(data.validation) == 20
    assert bad == ["a.jsonl:21: the text has nothing that the tokenizer keeps: '\u0301\u0301'"]


def test_sentiment_is_spelt_out(tokenizer: CheckedTokenizer, tmp_path: Path) -> None:
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows(20, 0, 1)), sentiment=True)
    assert data.labels == ("negative", "positive")
    positive = {one.text for one in (*data.training, *data.validation) if one.labels == (1,)}
    assert positive == {text for text, label in rows(20, 0, 1) if label == 1}


@pytest.mark.parametrize(
    ("content", "sentiment", "message"),
    [
        (rows(9, "x", "y"), False, "there are 9 rows to train on"),
        (rows(20, "x"), False, "every row is labelled 'x'"),
        (rows(20, []), False, "no row has a label"),
        ([(text, text) for text, _ in rows(20, "x")], False, "is this the column of the labels"),
        (rows(20, ["x"], ["y"]), True, "use --task classification"),
        (rows(12, "x", "y", "z"), False, "no rows are left to validate on"),
    ],
)
def test_data_from_which_nothing_can_be_learnt_are_refused(
    content: list[tuple[str, Any]],
    sentiment: bool,
    message: str,
    tokenizer: CheckedTokenizer,
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=message):
        load(tokenizer, write(tmp_path / "a.jsonl", content), sentiment=sentiment)


def test_what_the_owner_should_know_is_noted(tokenizer: CheckedTokenizer, tmp_path: Path) -> None:
    content = [*rows(180, "x"), *rows(12, "X"), ("the film " * 40, "y"), ("日 本 語 の " * 60, "y")]
    path = write(tmp_path / "a.jsonl", content)
    given = write(tmp_path / "b.jsonl", [("The film number 0", "x"), ("new", "x")])
    data, _ = load(tokenizer, path, given)
    notes = "\n".join(data.notes).replace(f"{tmp_path}/", "")
    assert "12 texts have different labels: a.jsonl:1 (x) and a.jsonl:181 (X);" in notes
    assert "1 label has fewer than 10 rows: 'y' (2)" in notes
    assert "93 % of the rows are labelled 'x'" in notes
    assert "differ in capitals only, and are trained as different ones: 'X', 'x'" in notes
    assert "2 texts are longer than 64 tokens" in notes
    assert "of the tokens are unknown to the encoder's vocabulary" in notes
    assert "1 validation text is also trained on" in notes


def test_of_good_data_nothing_is_noted(tokenizer: CheckedTokenizer, tmp_path: Path) -> None:
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", rows(60, "x", "y", "z")))
    assert data.notes == ()


def test_each_label_of_multi_label_data_is_validated(
    tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    content = rows(200, ["often"], ["often", "rare"], ["often"], ["often"])
    data, _ = load(tokenizer, write(tmp_path / "a.jsonl", content))
    counts = np.bincount([number for one in data.validation for number in one.labels])
    assert counts.tolist() == [20, 5]
