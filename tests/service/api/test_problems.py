"""The table of errors, row by row."""

import json

import pytest
from starlette.exceptions import HTTPException

from service.api.problems import ProblemError, place_of, problem_of, response_of
from service.inference import ModelRunError
from service.lifecycle import DrainingError, StartingError
from service.registry import ModelUnavailableError, NoSuchModelError
from service.scheduling.errors import ClosedError, DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (NoSuchModelError("no"), 404, None),
        (HTTPException(404), 404, None),
        (HTTPException(405, headers={"Allow": "POST"}), 405, None),
        (QueueFullError(0.01, Priority.INTERACTIVE, 2.0), 429, "1"),
        (QueueFullError(3.2, Priority.BULK, 2.0), 429, "4"),
        (StartingError("starting"), 503, "1"),
        (DrainingError("draining"), 503, "1"),
        (ClosedError("closed"), 503, "1"),
        (ModelUnavailableError("failed"), 503, None),
        (DeadlineExceededError("late"), 504, None),
        (ModelRunError("secret"), 500, None),
        (ZeroDivisionError("secret"), 500, None),
        (ProblemError(413, "body_too_large", "too large"), 413, None),
    ],
)
def test_each_exception_has_its_status(error, status, retry_after):
    problem = problem_of(error)
    assert problem.status == status
    assert problem.headers.get("Retry-After") == retry_after
    assert "secret" not in problem.detail


def test_the_answer_is_a_problem_document():
    response = response_of(problem_of(QueueFullError(2, Priority.BULK, 2.0)), "id-1")
    assert response.media_type == "application/problem+json"
    body = json.loads(response.body)
    assert body["type"] == "urn:albert-serve:problem:overloaded"
    assert (body["status"], body["title"]) == (429, "Too Many Requests")
    assert body["instance"] == "id-1"
    assert body["error"] == body["detail"]


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ((), "body"),
        (("inputs",), "inputs"),
        (("inputs", "<list>", 3, "<object>", "context"), "inputs[3].context"),
        (("inputs", "<text>"), "inputs"),
        (("parameters", "top_k"), "parameters.top_k"),
        (("k" * 100,), "k" * 63 + "…"),
    ],
)
def test_a_place_is_written_as_a_caller_would(location, place):
    assert place_of(location) == place
