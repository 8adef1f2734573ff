"""``albert-ask`` against the real service: texts, files, standard input, and what goes wrong."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from client.commands import run
from tests.keys import ALICE, WRONG, write_keys
from tests.made_texts import distinct_texts
from tests.server import ServerProcess

LABELS = {"positive", "negative"}


def command(url, *arguments):
    """The command line and its environment."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("ALBERT_")}
    return [sys.executable, "-m", "client", *arguments], env | {"ALBERT_URL": url, "COLUMNS": "200"}


def ask(server, *arguments, given=None, status=0, **variables):
    """What is printed; on standard error instead where ``status`` is not 0."""
    line, env = command(getattr(server, "url", server), *map(str, arguments))
    process = subprocess.run(
        line, env=env | variables, input=given or "", capture_output=True, text=True, timeout=60
    )
    assert process.returncode == status, process.stderr + process.stdout
    assert "Traceback" not in process.stderr
    if status:
        return process.stderr
    assert process.stderr == ""
    return process.stdout


def write_csv(path, texts):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "review"], *enumerate(texts, 1)])
    return path


def rows(content):
    return list(csv.DictReader(io.StringIO(content)))


def test_texts_as_arguments(tiny):
    expected = tiny.client.post("/v1/sentiment", json={"inputs": ["good", "bad"]}).json()
    printed = ask(tiny, "sentiment", "good", "bad")
    assert [json.loads(line) for line in printed.splitlines()] == [[each] for each in expected]
    table = ask(tiny, "classification", "the river", "--model", "tags", "--format", "table")
    assert all(colour in table for colour in ("red", "green", "blue", "the river"))
    [row] = rows(ask(tiny, "sentiment", "good", "--format", "csv"))
    assert row["text"] == "good"
    assert row["label"] in LABELS


def test_a_question_with_its_context_as_argument_or_on_standard_input(tiny):
    context = "the river runs to the sea"
    for arguments, given in ((("where", context), None), (("where",), context)):
        [row] = rows(ask(tiny, "question-answering", *arguments, "--format", "csv", given=given))
        assert context[int(row["start"]) : int(row["end"])] == row["answer"]
    both = ask(tiny, "question-answering", "where", context, "--top-k", "2")
    assert len(json.loads(both)) == 2


def test_standard_input_is_answered_line_by_line(tiny):
    line, env = command(tiny.url, "sentiment", "--top-k", "1")
    with subprocess.Popen(
        line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for text in ("good", "bad", ""):
            process.stdin.write(text + "\n")
            process.stdin.flush()
            [[label]] = json.loads(process.stdout.readline())
            assert label["label"] in LABELS
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(20) == 0


def test_a_csv_file_is_answered_in_order_with_its_columns(tiny, tmp_path):
    texts = [*distinct_texts(2000, 6), "with, a comma", 'and "quotes"', "and\na line"]
    file = write_csv(tmp_path / "reviews.csv", texts)
    output = tmp_path / "out.csv"
    assert ask(tiny, "sentiment", "--file", file, "--column", "review", "--output", output) == ""
    answered = rows(output.read_text())
    assert [row["review"] for row in answered] == texts
    assert [row["id"] for row in answered] == [str(number + 1) for number in range(len(texts))]
    assert {row["label"] for row in answered} <= LABELS
    assert all(0 <= float(row["score"]) <= 1 and row["error"] == "" for row in answered)


def test_ndjson_in_is_the_services_own_ndjson_out(tiny, tmp_path):
    texts = distinct_texts(50, 6)
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"inputs": text}) + "\n" for text in texts))
    expected = tiny.client.post("/v1/bulk/sentiment", content=file.read_bytes()).text
    assert ask(tiny, "sentiment", "--file", file) == expected
    assert ask(tiny, "sentiment", "--file", "-", "--input-format", "ndjson", given=file.read_text())


def test_refused_records_have_their_error_and_the_status_says_so(tiny, tmp_path):
    file = tmp_path / "texts.ndjson"
    file.write_text('{"text": "good"}\n{"inputs": 3}\n{"text": "bad"}\n')
    output = tmp_path / "out.csv"
    said = ask(tiny, "sentiment", "--file", file, "--output", output, status=1)
    assert "1 of 3 records were refused; the first, record 2: inputs: Input should be" in said
    answered = rows(output.read_text())
    assert [row["label"] in LABELS for row in answered] == [True, False, True]
    assert answered[1]["error"].startswith("inputs: ")


def test_a_bad_line_has_an_error_as_on_the_bulk_route_and_the_next_one_is_asked(tiny, tmp_path):
    file = tmp_path / "texts.ndjson"
    lines = [b'{"inputs": "good"}', b"{", b"", b"\xff", b"[" * 5000, b'{"inputs": "bad"}', b""]
    file.write_bytes(b"\n".join(lines))
    output = tmp_path / "out.ndjson"
    said = ask(tiny, "sentiment", "--file", file, "--output", output, status=1)
    assert "4 of 6 records were refused; the first, record 2: The body is not valid JSON" in said
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    bulk = tiny.client.post("/v1/bulk/sentiment", content=file.read_bytes()).text.splitlines()
    assert [each.get("error") if isinstance(each, dict) else each for each in answers] == [
        each.get("error") if isinstance(each, dict) else each for each in map(json.loads, bulk)
    ]


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_resume_goes_on_where_a_cut_output_ends(tiny, tmp_path, suffix):
    texts = [*distinct_texts(300, 6)]
    file = tmp_path / "texts.ndjson"
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    lines[250] = '{"inputs": 3}\n'
    file.write_text("".join(lines))
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    arguments = ("sentiment", "--file", file, "--output")
    ask(tiny, *arguments, whole, status=1)
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    said = ask(tiny, *arguments, cut, "--resume", status=1)
    assert "the first, record 251: " in said

    def without_id(path):
        return [line for line in path.read_text().splitlines() if '"line"' not in line]

    assert without_id(cut) == without_id(whole)
    assert '"line": 251' in cut.read_text() or suffix == "csv"
    ask(tiny, *arguments, cut, "--resume")  # nothing is left to be asked
    assert without_id(cut) == without_id(whole)


def test_a_service_that_stops_half_way_leaves_a_file_to_resume(slow_models, tmp_path):
    texts = distinct_texts(140, 80)
    file = write_csv(tmp_path / "texts.csv", texts)
    output = tmp_path / "out.csv"
    arguments = ("sentiment", "--file", file, "--column", "review", "--output", output)
    with ServerProcess(slow_models, "--drain-seconds", "5") as server:
        line, env = command(server.url, *map(str, arguments))
        with subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True) as process:
            while server.metric("albert_bulk_lines_total") < 5:
                assert process.poll() is None
            server.process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
            assert process.wait(20) == 1
    answered = len(rows(output.read_text()))
    assert 5 <= answered < 140
    assert "broke its answer off" in said
    assert f"{answered} records are answered; go on with --resume." in said
    with ServerProcess(slow_models) as server:
        ask(server, *arguments, "--resume")
    assert [row["review"] for row in rows(output.read_text())] == texts


def test_where_there_is_no_service_it_says_so():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        said = ask(url, "sentiment", "good", status=1)
    assert said == (
        f"albert-ask: There is no service at {url} (Connection refused). "
        "Start one with albert-serve, or name it with --url.\n"
    )
    assert "no address of a service" in ask("ftp://nowhere", "sentiment", "good", status=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sentiment", "a", "--model", "nope"), "There is no model 'nope'"),
        (("sentiment", "--model", "nope", "--file", "{file}"), "There is no model 'nope'"),
        (("sentiment", "a", "--model", "qa"), "inputs: Input should be"),
        (("sentiment", "a", "--top-k", "9999999"), "parameters.top_k"),
        (("sentiment", "--file", "nowhere.csv"), "nowhere.csv cannot be read: No such file"),
        (("sentiment", "--file", "{file}", "--column", "b"), "line 2, has no 'b'; there are: 'a'"),
        (("sentiment", "a", "--output", "nowhere/out.csv"), "nowhere/out.csv cannot be written"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tiny, tmp_path, capfd, arguments, words):
    file = tmp_path / "a.csv"
    file.write_text("a\nx\n")
    status = run([*(each.format(file=file) for each in arguments), "--url", tiny.url])
    said = capfd.readouterr().err
    assert status == 1
    assert words in said
    assert said.startswith("albert-ask: ")
    assert said.count("\n") == 1


def test_a_key_comes_from_a_file_or_a_variable(tiny_models, tmp_path):
    own = tmp_path / "own"
    own.write_text(f"{ALICE}\n")
    records = write_csv(tmp_path / "reviews.csv", ["good", "bad"])
    with ServerProcess(tiny_models, "--api-keys-file", str(write_keys(tmp_path))) as server:
        by_variable = {"ALBERT_API_KEY": ALICE}
        assert json.loads(ask(server, "sentiment", "good", **by_variable))
        assert json.loads(ask(server, "sentiment", "good", "--api-key-file", own))
        in_bulk = ("sentiment", "--file", records, "--column", "review")
        assert len(ask(server, *in_bulk, **by_variable).splitlines()) == 2
        # What is asked for in so many words goes before the environment.
        wrong = {"ALBERT_API_KEY": WRONG}
        assert json.loads(ask(server, "sentiment", "good", "--api-key-file", own, **wrong))
        for arguments in (("sentiment", "good"), in_bulk):
            assert "This service asks for a key" in ask(server, *arguments, status=1)
            assert "none of those" in ask(server, *arguments, status=1, **wrong)


def test_a_key_that_is_none_is_wrong_usage_and_is_not_shown(tmp_path):
    own = tmp_path / "own"
    for content in (f"alice:{ALICE}", f"{ALICE} {ALICE}", ""):
        own.write_text(content)
        said = ask("http://127.0.0.1:9", "sentiment", "x", "--api-key-file", own, status=2)
        assert said.startswith(f"albert-ask: {own} does not hold a key alone")
        assert ALICE not in said
    missing = ("sentiment", "x", "--api-key-file", tmp_path / "nothing")
    assert "cannot be read: No such file" in ask("http://127.0.0.1:9", *missing, status=2)
    said = ask("http://127.0.0.1:9", "sentiment", "x", status=2, ALBERT_API_KEY=f"Bearer {ALICE}")
    assert said.startswith("albert-ask: The variable ALBERT_API_KEY does not hold a key alone")
    assert ALICE not in said
