"""Tokens, offsets and windows, counted before anything is run."""

import itertools

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.problems import check_problem
from tests.server import ServerProcess

LONG = "The plot is thin, but the café scene — 漢字, e\u0301, 👍🏽 — is lovely.\r\n" * 60
QUESTION = {"question": "Where was the treaty signed?", "context": "It was signed in Lisbon. " * 90}


@pytest.fixture(scope="module")
def real():
    """A service of the default models."""
    with ServerProcess(DEFAULT_MODELS) as server:
        yield server


def tokenize(server, route, document):
    answer = server.client.post(f"{route}/tokenize", json=document)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer


@pytest.mark.parametrize(
    ("route", "document"),
    [
        ("/v1/sentiment", {"inputs": "A warm, funny film."}),
        ("/v1/sentiment", {"inputs": ["short", LONG, {"text": LONG, "text_pair": "a summary"}]}),
        ("/v1/classification", {"inputs": LONG, "parameters": {"truncation": "left"}}),
        ("/v1/models/intents", {"inputs": ["where is my card?"] * 3}),
        ("/v1/question-answering", {"inputs": QUESTION}),
        (
            "/v1/models/question-answering",
            {"inputs": [QUESTION] * 2, "parameters": {"max_seq_len": 64, "doc_stride": 16}},
        ),
    ],
)
def test_as_many_tokens_are_counted_as_the_answer_takes(real, route, document):
    answer = tokenize(real, route, document)
    counted = answer.json()
    answered = real.client.post(route, json=document)
    assert answered.status_code == 200
    for name in ("X-Tokens", "X-Model", "X-Model-Version"):
        assert answer.headers[name] == answered.headers[name]
    assert counted["token_count"] == int(answered.headers["X-Tokens"])
    assert counted["token_count"] == sum(each["token_count"] for each in counted["inputs"])
    for each in counted["inputs"]:
        assert each["token_count"] == sum(window["token_count"] for window in each["windows"])
        assert all(window["token_count"] <= counted["max_tokens"] for window in each["windows"])
        for text in each["texts"]:
            for key in ("ids", "tokens", "offsets"):
                assert len(text[key]) == text["token_count"]


def test_offsets_count_code_points_of_the_text_as_sent(real):
    text = "The café ＡＢＣ is 👍🏽, e\u0301 漢字."
    [each] = tokenize(real, "/v1/sentiment", {"inputs": text}).json()["inputs"]
    [tokens] = each["texts"]
    offsets = tokens["offsets"]
    covered = {place for start, end in offsets for place in range(start, end)}
    # The tokenizer drops spaces and combining marks.
    assert covered == {place for place, each in enumerate(text) if each not in " \u0301"}
    assert (tokens["tokens"][0], text[slice(*offsets[0])]) == ("▁the", "The")
    assert (tokens["tokens"][-1], text[slice(*offsets[-1])]) == (".", ".")


def test_windows_cover_a_long_text_and_overlap(real):
    [each] = tokenize(real, "/v1/sentiment", {"inputs": LONG}).json()["inputs"]
    windows, [text] = each["windows"], each["texts"]
    assert len(windows) > 3
    assert (windows[0]["start"], windows[-1]["end"]) == (0, len(LONG.rstrip()))
    assert windows[-1]["last"] == text["token_count"]
    for one, other in itertools.pairwise(windows):
        assert one["first"] < other["first"] < one["last"] < other["last"]
        assert one["start"] < other["start"] < one["end"]
    for window in windows:
        assert window["start"] == text["offsets"][window["first"]][0]
        assert window["end"] == text["offsets"][window["last"] - 1][1]


def test_nothing_is_run_and_nothing_is_queued(real):
    before = real.metric("albert_real_tokens_total")
    tokenize(real, "/v1/sentiment", {"inputs": [LONG] * 20})
    assert real.metric("albert_real_tokens_total") == before
    assert real.metric("albert_requests_total", route="/v1/sentiment/tokenize", status="200") > 0
    assert "Server-Timing" not in tokenize(real, "/v1/sentiment", {"inputs": "a"}).headers


@pytest.mark.parametrize(
    ("route", "document", "status", "place"),
    [
        ("/v1/sentiment", {"inputs": 3}, 422, "inputs"),
        ("/v1/sentiment", {"inputs": ["a"] * 257}, 422, "inputs"),
        ("/v1/sentiment", {"inputs": ["a", "b" * 200_001]}, 422, "inputs[1]"),
        (
            "/v1/sentiment",
            {"inputs": ["short", LONG], "parameters": {"truncation": "error"}},
            422,
            "inputs[1]",
        ),
        (
            "/v1/question-answering",
            {"inputs": [QUESTION | {"context": " "}]},
            422,
            "inputs[0].context",
        ),
        (
            "/v1/question-answering",
            {"inputs": QUESTION, "parameters": {"max_seq_len": 9999}},
            422,
            "parameters.max_seq_len",
        ),
        ("/v1/models/nope", {"inputs": "a"}, 404, None),
    ],
)
def test_what_an_answer_would_be_refused_for_is_refused(real, route, document, status, place):
    body = check_problem(real.client.post(f"{route}/tokenize", json=document), status)
    assert [each["place"] for each in body["errors"]] == ([] if place is None else [place])


def test_limits_and_methods_are_those_of_answers(real):
    content = b'{"inputs": "%b"}' % (b"a" * 3_000_000)
    headers = {"Content-Type": "application/json"}
    check_problem(real.client.post("/v1/sentiment/tokenize", content=content, headers=headers), 413)
    check_problem(real.client.post("/v1/sentiment/tokenize", content=b"{", headers=headers), 400)
    refused = real.client.get("/v1/models/topics/tokenize")
    check_problem(refused, 405)
    assert refused.headers["Allow"] == "POST"


def test_the_most_tokens_that_a_body_can_hold_are_written(real):
    document = {"inputs": ["1 " * 4_000] * 256}
    answer = tokenize(real, "/v1/sentiment", document)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    counted = answer.json()
    assert len(counted["inputs"]) == 256
    assert counted["inputs"][0] == counted["inputs"][255]


def test_the_route_is_described(real):
    described = real.client.get("/openapi.json").json()
    for route in ("/v1/sentiment", "/v1/models/{model}"):
        operation = described["paths"][f"{route}/tokenize"]["post"]
        reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        assert reference.endswith("/TokenizedRequest")
        assert operation["requestBody"]
