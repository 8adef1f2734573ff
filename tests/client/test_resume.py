"""However an output file is cut, what is whole is counted, and no more."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from client.answers import Task
from client.output import CsvWriter, NdjsonWriter, OutputFormat
from client.records import record_of
from client.resume import Answered, answered_in

TEXTS = st.lists(st.sampled_from(["a", 'say "b"', "c,\nd", "é\r\n", ""]), min_size=1, max_size=6)
ANSWER = [[{"label": "positive", "score": 0.75}]]
LINE = json.dumps(ANSWER).encode()


def write(texts, format_, header=None):
    """The content after each answer."""
    file = io.StringIO(newline="")
    writer = (
        CsvWriter(file, Task.SENTIMENT, header)
        if format_ is OutputFormat.CSV
        else NdjsonWriter(file)
    )
    contents = []
    for text in texts:
        writer.write(record_of({"text": text}, {}, 0), ANSWER, LINE)
        contents.append(file.getvalue().encode())
    return contents


@given(TEXTS, st.sampled_from([OutputFormat.CSV, OutputFormat.NDJSON]), st.data())
def test_what_a_cut_left_whole_is_resumed(tmp_path_factory, texts, format_, data):
    contents = write(texts, format_)
    cut = data.draw(st.integers(0, len(contents[-1])))
    path = tmp_path_factory.mktemp("cut") / "output"
    path.write_bytes(contents[-1][:cut])
    answered = answered_in(path, format_)
    assert answered.records == sum(len(content) <= cut for content in contents)
    assert answered.whole_bytes <= cut
    rest = write(texts[answered.records :], format_, answered.header)
    whole = contents[-1][: answered.whole_bytes] + (rest[-1] if rest else b"")
    assert whole == contents[-1]


def test_a_file_that_is_not_there_has_no_answers(tmp_path):
    assert answered_in(tmp_path / "none", OutputFormat.NDJSON) == Answered(0, 0)
