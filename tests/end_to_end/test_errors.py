"""Bad input has a clear error that names the place, and the next request is served as ever."""

import json

import pytest

from tests.problems import check_problem

SENTIMENT, QUESTIONS = "/v1/sentiment", "/v1/question-answering"
JSON = {"Content-Type": "application/json"}
QA = {"question": "where", "context": "the river runs to the sea"}
MANY = {"question": "where", "contexts": ["the river runs to the sea", "in the north"]}
LAST_EMPTY = {"question": "where", "contexts": ["the river", "the sea", " \n"]}


@pytest.fixture(autouse=True)
def _still_serves(tiny):
    yield
    answer = tiny.client.post(SENTIMENT, json={"inputs": "the film was good"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"inputs": "a"} trailing',
        b'{"inputs": "\xff\xfe"}',
        b'{"inputs": "\\ud800"}',
        b'{"inputs": NaN}',
        b"[" * 100_000,
        b'{"inputs":' * 5_000,
    ],
)
@pytest.mark.parametrize("route", [SENTIMENT, QUESTIONS, "/v1/models/topics"])
def test_what_is_not_json_is_400(tiny, route, content):
    body = check_problem(tiny.client.post(route, content=content, headers=JSON), 400)
    assert "not valid JSON" in body["error"]


@pytest.mark.parametrize(
    ("route", "document", "place", "words"),
    [
        (SENTIMENT, [], "body", "should be an object"),
        (SENTIMENT, "text", "body", "should be an object"),
        (SENTIMENT, {}, "inputs", "required"),
        (SENTIMENT, {"input": "a"}, "inputs", "required"),
        (SENTIMENT, {"inputs": "a", "model": "b"}, "model", "allowed are: inputs, parameters"),
        (SENTIMENT, {"inputs": None}, "inputs", "should be a string, an object"),
        (SENTIMENT, {"inputs": 3}, "inputs", "should be a string, an object"),
        (SENTIMENT, {"inputs": []}, "inputs", "at least 1 item"),
        (SENTIMENT, {"inputs": ["a", 3]}, "inputs[1]", "should be a string or an object"),
        (SENTIMENT, {"inputs": ["a", ["b"]]}, "inputs[1]", "should be a string or an object"),
        (SENTIMENT, {"inputs": {"text": 1}}, "inputs.text", "valid string"),
        (SENTIMENT, {"inputs": [{"text": "a", "pair": "b"}]}, "inputs[0].pair", "text_pair"),
        (SENTIMENT, {"inputs": [{"text_pair": "b"}]}, "inputs[0].text", "required"),
        (SENTIMENT, {"inputs": QA}, "inputs.text", "required"),
        (SENTIMENT, {"inputs": "a", "parameters": []}, "parameters", "should be an object"),
        (SENTIMENT, {"inputs": "a", "parameters": {"top_k": 0}}, "parameters.top_k", "equal to 1"),
        (SENTIMENT, {"inputs": "a", "parameters": {"top_k": "2"}}, "parameters.top_k", "integer"),
        (SENTIMENT, {"inputs": "a", "parameters": {"top_k": 10**30}}, "parameters.top_k", ""),
        (SENTIMENT, {"inputs": "a", "parameters": {"topk": 1}}, "parameters.topk", "top_k"),
        (
            SENTIMENT,
            {"inputs": "a", "parameters": {"function_to_apply": "tanh"}},
            "parameters.function_to_apply",
            "'softmax', 'sigmoid' or 'none'",
        ),
        (SENTIMENT, {"inputs": "a" * 200_001}, "inputs", "has 200001 characters"),
        (SENTIMENT, {"inputs": ["a", "b" * 200_001]}, "inputs[1]", "at most 200000"),
        (SENTIMENT, {"inputs": ["a"] * 257}, "inputs", "257 inputs and at most 256"),
        (SENTIMENT, {"inputs": ["a"] * 300_000}, "inputs", "at most 256"),
        (SENTIMENT, {str(n): n for n in range(90_000)}, "body", "90000 keys"),
        (SENTIMENT, {"inputs": [{str(n): 1 for n in range(50)}]}, "inputs[0]", "50 keys"),
        (QUESTIONS, {"inputs": "where?"}, "inputs", "should be an object"),
        (QUESTIONS, {"inputs": ["where?"]}, "inputs[0]", "should be an object"),
        (QUESTIONS, {"inputs": {"question": "q"}}, "inputs.context", "required"),
        (QUESTIONS, {"inputs": [QA, {**QA, "context": ""}]}, "inputs[1].context", "at least 1"),
        (QUESTIONS, {"inputs": {**QA, "question": ""}}, "inputs.question", "at least 1"),
        (QUESTIONS, {"inputs": {**QA, "question": " \n"}}, "inputs.question", "no words"),
        (QUESTIONS, {"inputs": [{**QA, "context": "\t"}]}, "inputs[0].context", "no words"),
        (QUESTIONS, {"inputs": {**QA, "question": "a " * 99}}, "inputs.question", "may have at"),
        (QUESTIONS, {"inputs": MANY | {"context": "a"}}, "inputs.context", "question, contexts."),
        (QUESTIONS, {"inputs": [MANY | {"x": 1}]}, "inputs[0].x", "are: question, contexts."),
        (QUESTIONS, {"inputs": MANY | {"contexts": []}}, "inputs.contexts", "at least 1"),
        (QUESTIONS, {"inputs": MANY | {"contexts": "a"}}, "inputs.contexts", "valid list"),
        (QUESTIONS, {"inputs": MANY | {"contexts": ["a", 3]}}, "inputs.contexts[1]", "string"),
        (QUESTIONS, {"inputs": MANY | {"contexts": ["a", ""]}}, "inputs.contexts[1]", "at least"),
        (QUESTIONS, {"inputs": [MANY, LAST_EMPTY]}, "inputs[1].contexts[2]", "no words"),
        (
            QUESTIONS,
            {"inputs": [QA, MANY | {"contexts": ["a", "b" * 200_001]}]},
            "inputs[1].contexts[1]",
            "has 200001 characters",
        ),
        (
            QUESTIONS,
            {"inputs": MANY | {"contexts": ["a"] * 257}},
            "inputs",
            "257 inputs, each context counted, and at most 256",
        ),
        (
            QUESTIONS,
            {"inputs": [QA, *[MANY | {"contexts": ["a"] * 128}] * 2]},
            "inputs",
            "257 inputs, each context counted,",
        ),
        (QUESTIONS, {"inputs": [QA] * 257}, "inputs", "257 inputs and at most 256"),
        (
            QUESTIONS,
            {"inputs": [QA, MANY], "parameters": {"normalization": "window"}},
            "parameters.normalization",
            "compare only when",
        ),
        (
            QUESTIONS,
            {"inputs": QA, "parameters": {"normalization": "text"}},
            "parameters.normalization",
            "'window' or 'document'",
        ),
        (QUESTIONS, {"inputs": QA, "parameters": {"top_k": 0}}, "parameters.top_k", "equal to 1"),
        (
            QUESTIONS,
            {"inputs": QA, "parameters": {"max_answer_len": 0}},
            "parameters.max_answer_len",
            "equal to 1",
        ),
        (
            QUESTIONS,
            {"inputs": QA, "parameters": {"max_seq_len": 100}},
            "parameters.max_seq_len",
            "larger than the 64 tokens",
        ),
        (
            QUESTIONS,
            {"inputs": QA, "parameters": {"doc_stride": 50, "max_seq_len": 40}},
            "parameters.doc_stride",
            "larger than max_seq_len",
        ),
        (
            QUESTIONS,
            {"inputs": QA, "parameters": {"align_to_words": "yes"}},
            "parameters.align_to_words",
            "boolean",
        ),
    ],
)
def test_what_breaks_the_schema_is_422_and_named(tiny, route, document, place, words):
    content = json.dumps(document)
    body = check_problem(tiny.client.post(route, content=content, headers=JSON), 422)
    assert body["errors"][0]["place"] == place
    assert words in body["errors"][0]["message"]
    assert body["error"].startswith(f"{place}: {body['errors'][0]['message']}")


def test_every_wrong_place_is_named_up_to_a_bound(tiny):
    body = check_problem(tiny.client.post(SENTIMENT, json={"inputs": ["a", 1, 2, "b", 3]}), 422)
    assert [error["place"] for error in body["errors"]] == ["inputs[1]", "inputs[2]", "inputs[4]"]
    assert "(and 2 more)" in body["error"]
    body = check_problem(tiny.client.post(SENTIMENT, json={"inputs": [1] * 256}), 422)
    assert len(body["errors"]) == 20


@pytest.mark.parametrize(
    "value", ["0", "-1", "abc", "1e3", "nan", "", "0." + "0" * 30 + "1", "3600.1"]
)
def test_a_timeout_that_is_no_positive_number_or_too_large_is_422(tiny, value):
    answer = tiny.client.post(SENTIMENT, json={"inputs": "a"}, headers={"X-Request-Timeout": value})
    body = check_problem(answer, 422)
    assert body["errors"][0]["place"] == "headers.X-Request-Timeout"


def test_unknown_routes_models_and_methods(tiny):
    check_problem(tiny.client.get("/nope"), 404)
    body = check_problem(tiny.client.post("/v1/models/nope", json={"inputs": "a"}), 404)
    assert "sentiment" in body["error"]
    check_problem(tiny.client.get("/v1/models/nope"), 404)
    body = check_problem(tiny.client.get(SENTIMENT), 405)
    assert "POST" in body["error"]
    answer = tiny.client.delete("/v1/models/topics")
    check_problem(answer, 405)
    assert {"GET", "POST"} == {method.strip() for method in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type: application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type: application/json"),
        ({**JSON, "Content-Encoding": "gzip"}, "Content-Encoding"),
        ({"Content-Type": "application/json; charset=latin-1"}, "UTF-8"),
    ],
)
def test_what_is_not_plain_json_is_415(tiny, headers, words):
    answer = tiny.client.post(SENTIMENT, content=b'{"inputs": "a"}', headers=headers)
    assert words in check_problem(answer, 415)["error"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "application/ld+json"]
)
def test_json_by_any_of_its_names_is_taken(tiny, content_type):
    answer = tiny.client.post(
        SENTIMENT, content=b'{"inputs": "a"}', headers={"Content-Type": content_type}
    )
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_413_whether_its_length_is_declared_or_not(tiny):
    content = json.dumps({"inputs": "a" * 3_000_000}).encode()
    body = check_problem(tiny.client.post(SENTIMENT, content=content, headers=JSON), 413)
    assert "2097152 bytes" in body["error"]
    pieces = (content[start : start + 65_536] for start in range(0, len(content), 65_536))
    check_problem(tiny.client.post(SENTIMENT, content=pieces, headers=JSON), 413)


def test_a_request_id_that_is_not_printable_is_replaced(tiny):
    for given in ("x" * 129, "ü"):
        answer = tiny.client.get("/health/live", headers={"X-Request-Id": given.encode()})
        assert answer.headers["X-Request-Id"] not in ("", given)


def test_unknown_models_make_no_new_metric_series(tiny):
    for number in range(5):
        tiny.client.post(f"/v1/models/unknown{number}", json={"inputs": "a"})
        tiny.client.get(f"/unknown{number}")
    assert "unknown" not in tiny.client.get("/metrics").text
