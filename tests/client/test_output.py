"""Answers as rows, tables and lines."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from client.answers import Task, rows_of
from client.errors import AskError
from client.output import CsvWriter, TableWriter, with_number
from client.records import Record, record_of

LABELS = [{"label": "positive", "score": 0.98765}, {"label": "negative", "score": 0.01}]
SPAN = {"answer": "Lisbon", "score": 0.5, "start": 3, "end": 9}
REFUSED = {"error_type": "validation", "error": "inputs: wrong", "line": 3}


@pytest.mark.parametrize(
    ("task", "answer", "first"),
    [
        (Task.SENTIMENT, [LABELS], {"label": "positive", "score": "0.9877"}),
        (Task.SENTIMENT, [{"labels": LABELS}], {"label": "positive", "score": "0.9877"}),
        (Task.SENTIMENT, REFUSED, {"error": "inputs: wrong"}),
        (
            Task.QUESTION_ANSWERING,
            SPAN,
            {"answer": "Lisbon", "score": "0.5000", "start": "3", "end": "9"},
        ),
        (
            Task.QUESTION_ANSWERING,
            [SPAN, SPAN],
            {"answer": "Lisbon", "score": "0.5000", "start": "3", "end": "9"},
        ),
    ],
)
def test_the_best_of_an_answer_is_its_first_row(task, answer, first):
    assert rows_of(task, answer)[0] == first


@pytest.mark.parametrize("answer", [[LABELS, LABELS], [], "?", {"label": 1}, None])
def test_what_has_no_row_says_so(answer):
    [row] = rows_of(Task.CLASSIFICATION, answer)
    assert "no row" in row["error"]


def test_csv_keeps_the_columns_of_the_file_and_renames_its_own():
    file = io.StringIO()
    writer = CsvWriter(file, Task.SENTIMENT)
    for answer in ([LABELS], REFUSED):
        writer.write(Record(None, {"label": "1", "text": "a, b"}), answer, b"")
    assert file.getvalue().splitlines() == [
        "label,text,albert_label,score,error",
        '1,"a, b",positive,0.9877,',
        '1,"a, b",,,inputs: wrong',
    ]


def test_csv_of_its_own_output_has_every_name_once():
    file = io.StringIO()
    fields = dict.fromkeys(["text", "label", "score", "error", "albert_label"], "a")
    CsvWriter(file, Task.SENTIMENT).write(Record(None, fields), [LABELS], b"")
    [header, _] = csv.reader(file.getvalue().splitlines())
    assert header[5:] == ["albert_albert_label", "albert_score", "albert_error"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@example(["a\rb", "\r", "a\r\nb", "\n", '"\r'])
def test_csv_is_read_as_it_was_written_whatever_ends_the_lines_in_its_texts(texts):
    file = io.StringIO(newline="")
    writer = CsvWriter(file, Task.SENTIMENT)
    for text in texts:
        writer.write(Record(None, {"text": text, "id": "7"}), [LABELS], b"")
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline=""), strict=True))
    assert [row["text"] for row in rows] == texts
    assert all(row["label"] == "positive" for row in rows)


def test_csv_of_another_file_is_not_gone_on_with():
    writer = CsvWriter(io.StringIO(), Task.SENTIMENT, ["id", "label", "score", "error"])
    with pytest.raises(AskError, match=r"other columns \(id, label, score, error\)"):
        writer.write(record_of({"text": "a"}, {}, 0), [LABELS], b"")


def test_a_table_shows_all_labels_of_one_text_and_the_best_of_several():
    for best_only in (False, True):
        file = io.StringIO()
        writer = TableWriter(Console(file=file, width=200), Task.SENTIMENT, best_only=best_only)
        writer.write(record_of({"text": "a [red]\n b" * 40}, {}, 0), [LABELS], b"")
        writer.close()
        assert "a [red] b" in file.getvalue()
        assert ("negative" in file.getvalue()) != best_only


def test_numbers_of_errors_count_the_whole_file():
    assert with_number(REFUSED, b"as it came", 0) == (REFUSED, b"as it came")
    answer, line = with_number(REFUSED, b"", 40)
    assert answer["line"] == 43
    assert b'"line": 43' in line
    assert with_number([LABELS], b"as it came", 40) == ([LABELS], b"as it came")
