"""Bulk uploads: order, bad lines, resuming, the errors before the first line, and curl."""

import json
import subprocess

import pytest

from tests.bulk_upload import NDJSON, Upload
from tests.end_to_end.test_errors import check_problem
from tests.made_texts import distinct_texts
from tests.server import ServerProcess

SENTIMENT, QUESTIONS = "/v1/bulk/sentiment", "/v1/bulk/question-answering"
HEADERS = {"Content-Type": NDJSON}
QA = {"question": "where", "context": "the river runs to the sea"}
BAD_LINES = [
    (b"{", 400, "not_json", None),
    (b"", 400, "not_json", None),
    (b"\xff", 400, "not_json", None),
    (b'{"inputs": 3}', 422, "validation", "inputs"),
    (b'{"inputs": ["a", 3]}', 422, "validation", "inputs[1]"),
    (b'{"inputs": "a", "parameters": {"top_k": 0}}', 422, "validation", "parameters.top_k"),
    (
        b'{"inputs": ["%b"], "parameters": {"truncation": "error"}}' % (b"good " * 99),
        422,
        "validation",
        "inputs[0]",
    ),
    (b'{"inputs": "%b"}' % (b"a" * 3_000_000), 413, "line_too_large", None),
]


def lines_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == NDJSON
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


def post(server, path, *lines, **options):
    content = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    return server.client.post(path, content=content, headers=HEADERS, **options)


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/sentiment", [{"inputs": text} for text in distinct_texts(150, 12)]),
        (
            "/classification",
            [
                {"inputs": ["good", "bad " * 200]},
                {"inputs": {"text": "a", "text_pair": "b"}, "parameters": {"top_k": 1}},
            ],
        ),
        ("/question-answering", [{"inputs": QA}, {"inputs": [QA, QA], "parameters": {"top_k": 2}}]),
        ("/models/tags", [{"inputs": "the river"}]),
    ],
)
def test_a_line_has_the_answer_of_its_request_and_the_order_is_kept(tiny, path, bodies):
    answer = post(tiny, f"/v1/bulk{path}", *bodies)
    for line, body in zip(lines_of(answer), bodies, strict=True):
        expected = tiny.client.post(f"/v1{path}", json=body)
        assert line == expected.json()
    assert answer.headers["X-Model"] == expected.headers["X-Model"]
    assert answer.headers["X-Request-Id"]


def test_a_bad_line_has_an_error_with_its_number_and_the_rest_goes_on(tiny):
    good = {"inputs": "the film was good"}
    [expected] = lines_of(post(tiny, SENTIMENT, good))
    lines = [line for bad, *_ in BAD_LINES for line in (good, bad)]
    answers = lines_of(post(tiny, SENTIMENT, *lines, good))
    assert answers[::2] == [expected] * (len(BAD_LINES) + 1)
    for place, (answer, (_, status, kind, wrong)) in enumerate(
        zip(answers[1::2], BAD_LINES, strict=True)
    ):
        assert (answer["status"], answer["error_type"]) == (status, kind)
        assert answer["line"] == 2 * place + 2
        assert answer["error"] == answer["detail"]
        assert [each["place"] for each in answer["errors"]] == ([wrong] if wrong else [])
        assert "Traceback" not in str(answer)


def test_the_errors_of_lines_bear_the_uploads_request_id(tiny):
    answer = tiny.client.post(
        SENTIMENT, content=b"{\n", headers={**HEADERS, "X-Request-Id": "night 7"}
    )
    assert answer.headers["X-Request-Id"] == "night 7"
    assert lines_of(answer)[0]["instance"] == "night 7"


def test_from_line_goes_on_where_an_answer_ended(tiny):
    bodies = [{"inputs": text} for text in distinct_texts(100, 8)]
    bodies[80] = {"inputs": 1}
    whole = post(tiny, SENTIMENT, *bodies).text.splitlines()
    rest = post(tiny, SENTIMENT, *bodies, params={"from_line": len(whole[:70]) + 1})
    lines_of(rest)
    without_id = [json.loads(line) for line in whole[70:]]
    answered = lines_of(rest)
    without_id[10].pop("instance")
    assert answered[10].pop("instance")
    assert answered == without_id
    assert answered[10]["line"] == 81
    assert lines_of(post(tiny, SENTIMENT, *bodies, params={"from_line": 101})) == []


@pytest.mark.parametrize(
    ("content", "count"),
    [(b"", 0), (b"\n", 1), (b'{"inputs": "a"}', 1), (b'{"inputs": "a"}\r\n{"inputs": "b"}\r\n', 2)],
)
def test_every_line_has_one_line(tiny, content, count):
    answer = tiny.client.post(SENTIMENT, content=content, headers=HEADERS)
    assert len(lines_of(answer)) == count


@pytest.mark.parametrize(
    ("path", "options", "status", "words"),
    [
        (f"{SENTIMENT}?from_line=0", {}, 422, "counted from 1"),
        (f"{SENTIMENT}?from_line=", {}, 422, "counted from 1"),
        (f"{SENTIMENT}?from_line=1e3", {}, 422, "counted from 1"),
        (f"{SENTIMENT}?from_line=%d" % 10**30, {}, 422, "counted from 1"),
        (f"{SENTIMENT}?from-line=3", {}, 422, "from_line"),
        (f"{SENTIMENT}?%F2%94%A9%A0=3", {}, 422, "from_line"),
        (f"{SENTIMENT}?from_line=%D9%A3", {}, 422, "counted from 1"),
        (SENTIMENT, {"headers": {"Content-Type": "application/json"}}, 415, "application/x-ndjson"),
        (SENTIMENT, {"headers": {**HEADERS, "Content-Encoding": "gzip"}}, 415, "Encoding"),
        (SENTIMENT, {"headers": {**HEADERS, "X-Request-Timeout": "soon"}}, 422, "seconds"),
        ("/v1/bulk/models/nope", {}, 404, "nope"),
        ("/v1/bulk/nope", {}, 404, "no such route"),
    ],
)
def test_what_is_wrong_with_all_of_it_is_an_answer_of_its_own(tiny, path, options, status, words):
    answer = tiny.client.post(path, content=b"{}\n", **({"headers": HEADERS} | options))
    assert words in check_problem(answer, status)["error"]


def test_other_methods_are_refused(tiny):
    answer = tiny.client.get(SENTIMENT)
    check_problem(answer, 405)
    assert answer.headers["Allow"] == "POST"


def test_each_line_has_its_own_deadline(slow_models):
    body = {"inputs": distinct_texts(64, 400)}
    with ServerProcess(slow_models, "--threads", "1", "--max-queue-seconds", "600") as server:
        answers = lines_of(
            server.client.post(
                SENTIMENT,
                content=b"".join(
                    json.dumps(each).encode() + b"\n" for each in (body, {"inputs": "short"})
                ),
                headers={**HEADERS, "X-Request-Timeout": "1"},
            )
        )
        assert (answers[0]["status"], answers[0]["line"]) == (504, 1)
        assert isinstance(answers[1], list)


def test_a_full_queue_is_waited_for(slow_models):
    bodies = [{"inputs": distinct_texts(2, 60)} for _ in range(80)]
    with (
        ServerProcess(slow_models, "--max-queue-seconds", "0.05") as server,
        Upload(server, SENTIMENT) as upload,
    ):
        upload.send(*bodies)
        refused, answers = False, []
        while not refused and len(answers) < 60:
            answers += upload.read()
            refused = (
                server.client.post(
                    "/v1/sentiment",
                    json={"inputs": distinct_texts(8, 60)},
                    headers={"X-Priority": "bulk"},
                ).status_code
                == 429
            )
        upload.finish()
        answers += upload.rest()
        assert refused
        assert len(answers) == 80
        assert all(isinstance(answer, list) for answer in answers)
        assert server.metric("albert_bulk_lines_total", model="sentiment", status="200") == 80


def test_too_many_uploads_at_once_are_refused(tiny):
    uploads = [Upload(tiny, SENTIMENT) for _ in range(32)]
    for upload in uploads:
        upload.send({"inputs": "good"})
        upload.read()
    answer = tiny.client.post(SENTIMENT, content=b"{}\n", headers=HEADERS)
    assert "32 bulk uploads" in check_problem(answer, 429)["error"]
    assert int(answer.headers["Retry-After"]) > 0
    for upload in uploads:
        upload.finish()
        assert upload.rest() == []
        upload.close()
    assert len(lines_of(post(tiny, SENTIMENT, {"inputs": "good"}))) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["-X", "POST", "-T", "-", "--no-buffer"],
        ["--data-binary", "@-", "-H", f"Content-Type: {NDJSON}"],
        ["--data-binary", "@{file}", "-H", f"Content-Type: {NDJSON}"],
    ],
)
def test_curl_sends_and_reads(tiny, tmp_path, arguments):
    content = "".join(f'{{"inputs": "{text}"}}\n' for text in distinct_texts(2000, 5))
    (tmp_path / "lines").write_text(content)
    arguments = [argument.format(file=tmp_path / "lines") for argument in arguments]
    curl = subprocess.run(
        ["curl", "--noproxy", "*", "-sS", *arguments, tiny.url + SENTIMENT],
        input=content,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (curl.returncode, curl.stderr) == (0, "")
    answers = [json.loads(line) for line in curl.stdout.splitlines()]
    assert len(answers) == 2000
    assert all(isinstance(answer, list) for answer in answers)


def test_the_routes_are_described(tiny):
    described = tiny.client.get("/openapi.json").json()
    for path in (SENTIMENT, "/v1/bulk/models/{model}"):
        operation = described["paths"][path]["post"]
        [body] = operation["requestBody"]["content"].items()
        assert body[0] == NDJSON
        for example in body[1]["examples"].values():
            assert all(json.loads(line)["inputs"] for line in example["value"].splitlines())
        assert NDJSON in operation["responses"]["200"]["content"]
        assert "from_line" in [parameter["name"] for parameter in operation["parameters"]]
