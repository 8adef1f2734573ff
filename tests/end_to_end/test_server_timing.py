"""The stages of ``Server-Timing`` add up to the time that the server itself takes for a request."""

import time

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.made_texts import distinct_texts
from tests.server import ServerProcess

STAGES = ["receive", "parse", "tokenize", "queue", "inference", "decode"]
MOST_MISSING = 0.05
"""Of the whole: the writing of the header itself, which cannot say how long it took."""
ROUNDS = 10
"""What no stage counts is missing from each of them; a busy machine takes its time from some."""


@pytest.fixture(scope="module")
def talkative():
    """A service that logs how long each request took."""
    with ServerProcess(DEFAULT_MODELS, "--log-level", "debug") as server:
        yield server


def stages_of(answer):
    parts = [part.split(";dur=") for part in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _ in parts] == [*STAGES, "total"]
    *stages, total = (float(milliseconds) for _, milliseconds in parts)
    assert sum(stages) <= total + 0.004  # each is rounded
    return stages, total


def whole_of(server, answer):
    """Milliseconds from the header's being read to the answer's being written, as logged."""
    request_id = answer.headers["X-Request-Id"]
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for event in server.events():
            if event.get("request_id") == request_id:
                return event["milliseconds"]
    raise AssertionError(f"no line in the log for {request_id}")


QUESTION = {"question": "Where was it signed?", "context": "It was signed in Lisbon. " * 100}


@pytest.mark.parametrize(
    ("route", "inputs"),
    [
        ("/v1/sentiment", lambda: distinct_texts(1, 8)[0]),
        ("/v1/classification", lambda: distinct_texts(8, 60)),
        ("/v1/models/intents", lambda: distinct_texts(1, 900)[0]),
        ("/v1/question-answering", lambda: QUESTION),
    ],
    ids=["one short text", "many texts", "windows", "long context"],
)
def test_the_stages_add_up_to_the_whole(talkative, route, inputs):
    missing = []
    for _ in range(ROUNDS):
        answer = talkative.client.post(route, json={"inputs": inputs()})
        assert answer.status_code == 200
        (stages, total), whole = stages_of(answer), whole_of(talkative, answer)
        assert all(stage >= 0 for stage in stages)
        assert total <= whole + 0.006  # the log has hundredths
        missing.append((whole - sum(stages)) / whole)
    assert min(missing) <= MOST_MISSING


def test_a_body_that_comes_slowly_is_in_the_first_stage(talkative):
    meanwhile = []

    def pieces():
        yield b'{"inputs": '
        meanwhile.extend(talkative.client.get("/health/live") for _ in range(3))
        yield b'"good"}'

    headers = {"Content-Type": "application/json"}
    answer = talkative.client.post("/v1/sentiment", content=pieces(), headers=headers)
    waited = sum(whole_of(talkative, health) for health in meanwhile[1:])
    assert stages_of(answer)[0][0] >= waited
