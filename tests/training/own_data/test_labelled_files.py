import csv
import gzip
import io
import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.own_data.bad_rows import BadRows, DataError
from training.own_data.labelled_files import read_labelled
from training.own_data.labelled_rows import Columns, LabelledRow

LABELLED = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1).filter(
        lambda text: text.strip()
    ),
    st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30),
)


def write(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(
    path: Path, columns: Columns | None = None
) -> tuple[list[tuple[str, tuple[str, ...]]], list[str]]:
    """Texts with their labels, and the reports of bad rows without the directory."""
    bad = BadRows()
    rows = read_labelled([path], columns or Columns(), bad).rows
    reports = [str(row).replace(f"{path.parent}/", "") for row in bad.rows]
    return [(row.text, row.labels) for row in rows], reports


def json_lines(*objects: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


@given(rows=st.lists(LABELLED, max_size=8), delimiter=st.sampled_from(",;\t"))
def test_what_a_csv_writer_wrote_is_read(
    rows: list[tuple[str, str]], delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [("text", "label"), *rows]
    )
    directory = tmp_path_factory.mktemp("csv")
    found, reports = read(write(directory, "rows.csv", out.getvalue()))
    assert found == [(text, (label,)) for text, label in rows]
    assert reports == []


@given(rows=st.lists(LABELLED, min_size=1, max_size=8), ascii_only=st.booleans())
def test_what_a_json_writer_wrote_is_read(
    rows: list[tuple[str, str]], ascii_only: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = (
        json.dumps({"text": text, "label": label}, ensure_ascii=ascii_only) for text, label in rows
    )
    path = write(tmp_path_factory.mktemp("json"), "rows.jsonl", "\n".join(lines))
    found, reports = read(path)
    assert found == [(text, (label,)) for text, label in rows]
    assert reports == []


def test_a_spreadsheet_with_byte_order_mark_crlf_and_other_columns(tmp_path: Path) -> None:
    content = "\ufeffId;Text ;LABEL\r\n1;Good; yes \r\n2;Gut, ja;no\r\n;;\r\n"
    found, reports = read(write(tmp_path, "rows.csv", content))
    assert found == [("Good", ("yes",)), ("Gut, ja", ("no",))]
    assert reports == []


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_compressed_files_are_read(suffix: str, tmp_path: Path) -> None:
    compress = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[suffix]
    found, _ = read(write(tmp_path, f"rows.tsv{suffix}", compress(b"text\tlabel\na, b\tx\n")))
    assert found == [("a, b", ("x",))]


def test_a_row_is_named_by_the_line_it_begins_on(tmp_path: Path) -> None:
    content = 'text,label\n"two\nlines",a\n\n"three\n\nlines",\nshort\n,b\n'
    found, reports = read(write(tmp_path, "rows.csv", content))
    assert found == [("two\nlines", ("a",))]
    assert reports == [
        "rows.csv:5: the label is empty",
        "rows.csv:8: it has not as many fields as the header: 1 instead of 2; a text with a "
        "delimiter in it needs quotation marks",
        "rows.csv:9: the text is empty",
    ]


def test_a_comma_without_quotation_marks_is_not_taken_for_a_label(tmp_path: Path) -> None:
    found, reports = read(write(tmp_path, "rows.csv", "text,label\nGood, really,yes\nBad,no\n"))
    assert found == [("Bad", ("no",))]
    assert [report.partition(" it ")[0] for report in reports] == ["rows.csv:2:"]


def test_a_quotation_mark_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    content = 'text,label\na,x\n"b,x\nc,y\nd,x\n'
    found, reports = read(write(tmp_path, "rows.csv", content))
    assert [text for text, _ in found] == ["a", "c", "d"]
    assert reports == ["rows.csv:3: a quotation mark is opened and never closed"]


def test_a_quotation_mark_that_another_row_closes_costs_no_row_between(tmp_path: Path) -> None:
    content = 'text,label\n"a,x\nb,x\nc,y\n"d" said,x\ne,y\n'
    found, reports = read(write(tmp_path, "rows.csv", content))
    assert [text for text, _ in found] == ["b", "c", "e"]
    assert [report.split(": ")[0] for report in reports] == ["rows.csv:2", "rows.csv:5"]


def test_bytes_that_are_not_utf8_cost_their_row_only(tmp_path: Path) -> None:
    content = "text,label\ncafé,x\n".encode() + "café noir,x\n".encode("latin-1") + b"a\0b,x\n"
    found, reports = read(write(tmp_path, "rows.csv", content))
    assert found == [("café", ("x",))]
    assert reports == [
        "rows.csv:3: it is not UTF-8: byte 0xE9 after 'caf'",
        "rows.csv:4: it holds a NUL byte",
    ]


def test_every_kind_of_bad_json_line_is_reported(tmp_path: Path) -> None:
    good = {"text": "fine", "label": "x"}
    content = json_lines(
        good, ["fine", "x"], {"text": "a"}, {"label": "x"}, {"text": 3, "label": 1}
    )
    content += '{"text": "b", \n\n'
    content += json_lines(
        {"text": "c", "label": {"is": 1}}, {"text": " ", "label": "x"}, {"text": "d", "label": 0.5}
    )
    content += '{"text": "half \\ud83d", "label": "x"}\n'
    found, reports = read(write(tmp_path, "rows.jsonl", content))
    assert found == [("fine", ("x",))]
    assert [report.split(": ", 2)[:2] for report in reports] == [
        ["rows.jsonl:2", "it is not a JSON object"],
        ["rows.jsonl:6", "it is not JSON"],
        ["rows.jsonl:3", "the label is missing"],
        ["rows.jsonl:4", "the text is missing"],
        ["rows.jsonl:5", "the text is not a string"],
        ["rows.jsonl:8", "the label is neither a string nor a number"],
        ["rows.jsonl:9", "the text is empty"],
        ["rows.jsonl:10", "the label is neither a string nor a number"],
        ["rows.jsonl:11", "it is not UTF-8"],
    ]


def test_numbers_and_truth_values_are_labels(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": label} for label in (1, True, 2.0, "two", -1)]
    found, _ = read(write(tmp_path, "rows.jsonl", json_lines(*rows)))
    assert [labels for _, labels in found] == [("1",), ("true",), ("2",), ("two",), ("-1",)]


def test_lists_of_labels_make_the_data_multi_label(tmp_path: Path) -> None:
    rows = [{"text": "a", "labels": ["x", "y", "x"]}, {"text": "b", "labels": []}]
    path = write(tmp_path, "rows.jsonl", json_lines(*rows))
    read_rows = read_labelled([path], Columns(), BadRows())
    assert read_rows.multi_label
    assert [row.labels for row in read_rows.rows] == [("x", "y"), ()]


def test_a_separator_splits_the_labels_of_a_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", "text,label\na,x | y\nb,\nc,y\n")
    read_rows = read_labelled([path], Columns(separator="|"), BadRows())
    assert read_rows.multi_label
    assert [row.labels for row in read_rows.rows] == [("x", "y"), (), ("y",)]


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", "review,notes,category\na,b,c\n")
    assert read(path)[0] == [("a", ("c",))]
    assert read(path, Columns(text="Notes"))[0] == [("b", ("c",))]


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        (
            "a,b",
            Columns(),
            r"no column 'text' .* only 'a', 'b': say which it is with --text-column",
        ),
        ("text,class,topic", Columns(), r"may be in 'class', 'topic': say which with --label-col"),
        ("text,label", Columns(label="kind"), r"no column 'kind' .* only 'text', 'label'"),
        ("text,label,label", Columns(), r"two columns 'label'"),
        ("text,label", Columns(label="text"), r"cannot both be in 'text'"),
    ],
)
def test_columns_that_cannot_be_found_are_not_guessed(
    header: str, columns: Columns, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, "rows.csv", f"{header}\n1,2,3\n")
    with pytest.raises(DataError, match=message):
        read(path, columns)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.xlsx", b"PK", r"is a spreadsheet: save its sheet as CSV"),
        ("rows.parquet", b"", r"not from \.parquet"),
        ("rows", b"", r"not from a file without an ending"),
        ("rows.csv", b"", r"has no header: its first row must name the columns"),
        ("rows.csv", b'"text"x,label\n', r"has no header"),
        ("rows.csv", "text,label".encode("utf-16"), r"is UTF-16, not UTF-8"),
        ("rows.csv.gz", b"plain", r"cannot be read: Not a gzipped file"),
        ("rows.csv.xz", lzma.compress(b"text,label\n" * 99)[:-30], r"cannot be read: Compressed"),
    ],
)
def test_files_that_cannot_be_read_are_refused_in_a_sentence(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, name, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / "rows.csv")


def test_places_are_those_of_each_file(tmp_path: Path) -> None:
    first = write(tmp_path, "a.csv", "text,label\na,x\n")
    second = write(tmp_path, "b.jsonl", json_lines({"text": "b", "label": "y"}))
    rows = read_labelled([first, second], Columns(), BadRows()).rows
    assert rows == (
        LabelledRow(f"{first}:2", "a", ("x",)),
        LabelledRow(f"{second}:1", "b", ("y",)),
    )
