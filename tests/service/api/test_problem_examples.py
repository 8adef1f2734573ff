"""The examples of errors in the OpenAPI description are what is answered."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import service
from service.api.problem_examples import DESCRIPTIONS, EXAMPLES
from service.api.problems import problem_of
from service.lifecycle import Lifecycle
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority

OF_NO_ROUTE = {"not_found", "method_not_allowed", "http"}
"""What is answered where the description has nothing to describe."""


def types_made() -> Iterator[str]:
    """Every ``error_type`` that is written out where the service makes a ProblemError of it."""
    for path in Path(service.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name("ProblemError"), args=[_, ast.Constant(str(error_type)), *_]
                ):
                    yield error_type


def test_every_error_has_an_example_of_its_own():
    assert set(types_made()) - OF_NO_ROUTE == EXAMPLES.keys()
    assert len({example.detail for example in EXAMPLES.values()}) == len(EXAMPLES)


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
