"""The examples of errors in the OpenAPI description are what is answered."""

import pytest

from service.api.problem_examples import DESCRIPTIONS, EXAMPLES
from service.api.problems import problem_of
from service.lifecycle import Lifecycle
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority


def starting():
    try:
        Lifecycle().check_serving()
    except Exception as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        QueueFullError(1.2, Priority.INTERACTIVE, 2.0),
        starting(),
        DeadlineExceededError(EXAMPLES["deadline_exceeded"].detail),
        ZeroDivisionError(),
    ],
)
def test_an_example_is_the_answer_to_its_error(error):
    problem = problem_of(error)
    assert EXAMPLES[problem.error_type] == problem


def test_every_status_is_described_and_shown():
    assert {example.status for example in EXAMPLES.values()} == DESCRIPTIONS.keys()
