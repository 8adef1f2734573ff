"""What would be cut into too many windows is refused on every way in, naming the place."""

import json

import pytest

from tests.problems import check_problem
from tests.server import ServerProcess

MOST = 20
CONTEXT = "the river runs to the sea in the north " * 12
"""Of 108 tokens: few windows, unless they advance by a token."""
QUESTIONS = {
    "inputs": [{"question": "where", "context": text} for text in ("the sea", CONTEXT)],
    "parameters": {"doc_stride": 59},
}
TEXTS = {"inputs": ["good", "good film " * 600]}
TENSORS = {
    "inputs": [
        {"name": name, "shape": [2, 1], "datatype": "BYTES", "data": data}
        for name, data in (("question", ["where"] * 2), ("context", ["the sea", CONTEXT]))
    ],
    "parameters": QUESTIONS["parameters"],
}
ENOUGH = {"X-Request-Timeout": "3600"}
"""A deadline that cannot be met is told of first."""


@pytest.fixture(scope="module")
def server(tiny_models):
    flags = ("--default-classification", "topics", "--max-windows", str(MOST))
    with ServerProcess(tiny_models, *flags) as server:
        yield server


@pytest.mark.parametrize(
    ("route", "document", "place", "advice"),
    [
        ("/v1/question-answering", QUESTIONS, "inputs[1].context", "a smaller doc_stride"),
        ("/v1/question-answering/tokenize", QUESTIONS, "inputs[1].context", "a smaller doc_stride"),
        ("/v2/models/qa/infer", TENSORS, "context[1]", "a smaller doc_stride"),
        ("/v1/sentiment", TEXTS, "inputs[1]", "fewer or shorter texts"),
        ("/v1/sentiment/tokenize", TEXTS, "inputs[1]", "fewer or shorter texts"),
    ],
)
def test_too_many_windows_are_422(server, route, document, place, advice):
    problem = check_problem(server.client.post(route, json=document, headers=ENOUGH), 422)
    [error] = problem["errors"]
    assert error["place"] == place
    assert f"at most {MOST} are allowed: " in error["message"]
    assert advice in error["message"]


def test_a_bulk_line_of_too_many_windows_is_refused_alone(server):
    lines = [QUESTIONS, {"inputs": QUESTIONS["inputs"]}]
    answer = server.client.post(
        "/v1/bulk/question-answering",
        content="".join(json.dumps(line) + "\n" for line in lines),
        headers={**ENOUGH, "Content-Type": "application/x-ndjson"},
    )
    refused, answered = map(json.loads, answer.text.splitlines())
    assert (refused["status"], refused["line"]) == (422, 1)
    assert refused["errors"][0]["place"] == "inputs[1].context"
    assert len(answered) == 2


def test_the_parameters_that_are_named_help(server):
    fewer = {**QUESTIONS, "parameters": {"doc_stride": 50}}
    assert server.client.post("/v1/question-answering", json=fewer).status_code == 200
