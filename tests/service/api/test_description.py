"""The OpenAPI description has an example of all that goes in and comes out, and each is valid."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from model_directory.manifest import Task
from service.api.problem_examples import FROM_HTTP
from service.api.problems import ProblemError
from service.api.translation import InputLimits, parse_document
from service.app import Application
from service.settings import Settings
from service.tasks.answers import Normalization

DOCUMENT = Application(Settings()).fastapi.openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
WITHOUT = "Inference-Header-Content-Length"
"""An example of it would not suit both media types of the body."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def resolved(part: dict[str, Any]) -> Any:
    """``part``, or what it refers to."""
    while "$ref" in part:
        node: Any = DOCUMENT
        for key in part["$ref"].removeprefix("#/").split("/"):
            node = node[key]
        part = node
    return part


def examples_of(holder: dict[str, Any]) -> list[Any]:
    """The examples of a media type or a parameter."""
    found = [holder["example"]] if "example" in holder else []
    return found + [resolved(each)["value"] for each in holder.get("examples", {}).values()]


def validator_of(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """A validator of a schema that may refer into the document."""
    whole = {"$schema": DIALECT, "components": DOCUMENT["components"], "allOf": [schema]}
    return jsonschema_rs.validator_for(whole)


def media_types() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body and answer of the document: where it is, its media type, its description."""
    for name, operation in OPERATIONS.items():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} body", media_type, content
        for status, response in operation["responses"].items():
            for media_type, content in response["content"].items():
                yield f"{name} {status}", media_type, content


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_body_and_answer_has_examples_and_they_are_valid(name):
    described = [each for each in media_types() if each[0].startswith(f"{name} ")]
    assert described
    for place, media_type, content in described:
        examples = examples_of(content)
        assert examples, f"{place} has no example"
        validator = validator_of(content["schema"])
        for example in examples:
            errors = [str(error) for error in validator.iter_errors(example)]
            assert not errors, f"{place}: {errors}"
            if media_type == "application/x-ndjson":
                assert example.endswith("\n")
                assert all(json.loads(line) for line in example.splitlines())


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_of_an_error_is_one_of_that_status(name):
    for status, response in OPERATIONS[name]["responses"].items():
        for example in examples_of(response["content"].get("application/problem+json", {})):
            assert example["status"] == int(status)
            assert example["type"] == f"urn:albert-serve:problem:{example['error_type']}"
            assert example["error"] == example["detail"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_route_may_answer_what_comes_before_there_is_a_route(name):
    types = {
        example["error_type"]
        for response in OPERATIONS[name]["responses"].values()
        for example in examples_of(response["content"].get("application/problem+json", {}))
    }
    assert types >= set(FROM_HTTP)


def test_parameters_have_examples_that_are_valid():
    for name, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            examples = examples_of(parameter) + parameter["schema"].get("examples", [])
            if parameter["name"] == WITHOUT:
                assert not examples
            elif name.startswith("GET") or parameter["in"] != "path":
                assert examples, f"{name}: {parameter['name']} has no example"
            validator = validator_of(parameter["schema"])
            assert all(validator.is_valid(example) for example in examples)


def test_every_answer_says_the_request_id():
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            assert resolved(response["headers"]["X-Request-Id"])["required"]
            problems = "application/problem+json" in response["content"]
            told = problems and status in ("429", "503")
            assert ("Retry-After" in response["headers"]) == told


def test_nothing_of_the_framework_is_left_and_nothing_is_missing():
    text = json.dumps(DOCUMENT)
    assert "HTTPValidationError" not in text
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert resolved({"$ref": reference})
    assert jsonschema_rs.meta.is_valid(
        {"$schema": DIALECT, "$defs": DOCUMENT["components"]["schemas"]}
    )


PASSAGE = {"question": "who", "context": "me"}
PASSAGES = {"question": "who", "contexts": ["me", "you"]}


@pytest.mark.parametrize("inputs", [PASSAGE, PASSAGES, [PASSAGE], [PASSAGE, PASSAGES]])
@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"normalization": None}, *({"normalization": each} for each in Normalization)],
)
def test_the_description_and_the_service_agree_on_what_compares(inputs, parameters):
    body = {"inputs": inputs, "parameters": parameters}
    validator = validator_of({"$ref": "#/components/schemas/QuestionAnsweringBody"})
    refused = False
    try:
        parse_document(Task.QUESTION_ANSWERING, body, InputLimits(8, 100))
    except ProblemError as problem:
        refused = problem.errors[0]["place"] == "parameters.normalization"
    assert validator.is_valid(body) is not refused
