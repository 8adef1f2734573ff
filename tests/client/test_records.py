"""Files become records, and what is none is named with its line."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import AskError
from client.records import Columns, Format, format_of, read_records

TEXT = Columns({"text": "text"})
PAIR = Columns({"text": "review", "text_pair": "title"}, optional=frozenset({"text_pair"}))
QUESTION = Columns({"question": "q", "context": "c"})
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def records(content, format_, columns=TEXT, **parameters):
    content = content.encode() if isinstance(content, str) else content
    return list(read_records(io.BytesIO(content), "them", format_, columns, parameters))


def bodies(*arguments, **parameters):
    return [record.body for record in records(*arguments, **parameters)]


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.csv", Format.CSV),
        ("a.CSV", Format.CSV),
        ("a.jsonl", Format.NDJSON),
        ("a.ndjson", Format.NDJSON),
        ("a.txt", Format.TEXT),
        ("-", Format.TEXT),
    ],
)
def test_a_files_name_says_what_it_is(name, format_):
    assert format_of(Path(name)) is format_


def test_lines_of_text_are_texts_and_keep_their_place():
    assert bodies("good\r\n\nlast", Format.TEXT) == [
        {"inputs": "good"},
        {"inputs": ""},
        {"inputs": "last"},
    ]
    assert [record.end_bytes for record in records("é\nb", Format.TEXT)] == [3, 4]


def test_parameters_are_in_every_request():
    assert bodies("a\n", Format.TEXT, top_k=1) == [{"inputs": "a", "parameters": {"top_k": 1}}]


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_rows_of_csv_are_inputs_by_their_columns(rows):
    file = io.StringIO()
    csv.writer(file).writerows([("title", "review"), *rows])
    read = records("\ufeff" + file.getvalue(), Format.CSV, PAIR)
    assert [record.body["inputs"] for record in read] == [
        {"text": review, "text_pair": title} for title, review in rows
    ]
    assert [dict(record.fields) for record in read] == [
        {"title": title, "review": review} for title, review in rows
    ]


@given(st.lists(CELLS, max_size=5))
def test_objects_of_ndjson_are_inputs_by_their_keys(texts):
    content = "".join(json.dumps({"text": text, "id": 7}) + "\n" for text in texts)
    read = records(content, Format.NDJSON)
    assert [record.body for record in read] == [{"inputs": text} for text in texts]
    assert [dict(record.fields) for record in read] == [{"text": t, "id": "7"} for t in texts]


def test_a_missing_pair_is_a_text_alone():
    assert bodies('{"review": "a"}\n', Format.NDJSON, PAIR) == [{"inputs": "a"}]


def test_requests_are_taken_as_they_are():
    request = {"inputs": [{"text": "a"}], "parameters": {"truncation": "left"}}
    assert bodies(json.dumps(request), Format.NDJSON) == [request]
    assert bodies(json.dumps(request), Format.NDJSON, top_k=2) == [
        {"inputs": [{"text": "a"}], "parameters": {"truncation": "left", "top_k": 2}}
    ]
    assert bodies('{"inputs": "a"}', Format.NDJSON) == [{"inputs": "a"}]


def test_questions_need_both_columns():
    assert bodies("q,c\nwho?,she\n", Format.CSV, QUESTION) == [
        {"inputs": {"question": "who?", "context": "she"}}
    ]
    with pytest.raises(AskError, match=r"them, line 2, has no 'c'; there are: 'q', 'd'\."):
        records("q,d\nwho?,she\n", Format.CSV, QUESTION)


@pytest.mark.parametrize(
    ("content", "format_", "words"),
    [
        (b"a\n\xff\n", Format.TEXT, "them, line 2, is not UTF-8."),
        (b"text\na,b\n", Format.CSV, "them, line 2, has 2 columns and the first line 1."),
        (b'text\n"a"b\n', Format.CSV, "them, line 2, is not CSV"),
        (b'text\n"a', Format.CSV, "them, line 2, is not CSV"),
        (b'{"text": 3}\n', Format.NDJSON, "them, line 1, has a 'text' that is no text."),
        (b'{"label": "x"}\n', Format.NDJSON, "has no 'text'; there are: 'label'."),
    ],
)
def test_what_is_no_record_is_named_with_its_line(content, format_, words):
    with pytest.raises(AskError) as refusal:
        records(content, format_)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "line", [b"{", b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_a_line_that_is_no_object_is_left_for_the_service_to_refuse(line):
    read = records(b'{"text": "a"}\n' + line + b'\n{"text": "b"}\n', Format.NDJSON)
    assert [record.body for record in read] == [{"inputs": "a"}, line, {"inputs": "b"}]
    assert read[1].line == line
    assert [record.line for record in read[::2]] == [b'{"inputs": "a"}', b'{"inputs": "b"}']


@pytest.mark.parametrize("parameters", [[1], "x", 7])
def test_parameters_that_are_no_object_are_left_for_the_service_to_refuse(parameters):
    request = {"inputs": "a", "parameters": parameters}
    assert bodies(json.dumps(request), Format.NDJSON, top_k=1) == [request]


def test_what_is_no_character_can_be_shown_and_is_left_for_the_service_to_refuse():
    (record,) = records(r'{"text": "a\ud800", "\udfff": 1}', Format.NDJSON)
    assert record.line == rb'{"inputs": "a\ud800"}'
    assert dict(record.fields) == {"text": "a?", "?": "1"}


def test_blank_lines_of_csv_are_no_rows():
    assert bodies("text,id\n\na,1\n\r\nb,2\n\n", Format.CSV) == [{"inputs": "a"}, {"inputs": "b"}]


def test_an_empty_file_has_no_records():
    assert [records("", format_) for format_ in Format] == [[], [], []]
