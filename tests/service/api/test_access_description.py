"""The OpenAPI description tells of keys and rates where the service has them, and nowhere else."""

import json

import jsonschema_rs
import pytest

from service.api.access import WITHOUT_KEY, WITHOUT_RATE
from service.app import Application
from service.settings import Settings
from tests.keys import write_keys

PROBLEM = "application/problem+json"
SENTIMENT, METRICS = ("/v1/sentiment", "post"), ("/metrics", "get")


@pytest.fixture
def document_of(tmp_path):
    path = write_keys(tmp_path)

    def describe(*, has_keys=False, rate=None):
        settings = Settings(api_keys_file=path if has_keys else None, rate_limit=rate)
        return Application(settings).fastapi.openapi()

    return describe


def operation_of(document, place):
    path, method = place
    return document["paths"][path][method]


def types_of(document, operation, status):
    """The examples of an answer, each valid and of that status."""
    content = operation["responses"].get(status, {}).get("content", {}).get(PROBLEM)
    if content is None:
        return set()
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = {"$schema": dialect, "components": document["components"], **content["schema"]}
    validator = jsonschema_rs.validator_for(schema)
    found = set()
    for reference in content["examples"].values():
        example = document["components"]["examples"][reference["$ref"].rpartition("/")[2]]["value"]
        assert validator.is_valid(example)
        assert example["status"] == int(status)
        found.add(example["error_type"])
    return found


def test_an_open_service_tells_of_neither(document_of):
    text = json.dumps(document_of())
    for word in ("bearer", '"security"', '"401"', '"403"', "no_key", "RateLimit", "rate_limited"):
        assert word not in text


def test_with_keys_every_route_but_the_open_ones_asks_for_one(document_of):
    document = document_of(has_keys=True)
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_open = path in WITHOUT_KEY
            assert operation.get("security") == (None if is_open else [{"bearer": []}])
            assert types_of(document, operation, "401") == (
                set() if is_open else {"no_key", "malformed_authorization"}
            )
            assert types_of(document, operation, "403") == (set() if is_open else {"wrong_key"})
    assert types_of(document, operation_of(document, SENTIMENT), "429") == {"overloaded"}
    assert "RateLimit" not in json.dumps(document)


@pytest.mark.parametrize("has_keys", [False, True])
def test_with_a_rate_it_is_told_wherever_it_counts(document_of, has_keys):
    document = document_of(has_keys=has_keys, rate=10)
    inference = operation_of(document, SENTIMENT)
    assert types_of(document, inference, "429") == {"overloaded", "rate_limited"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            # Who has no right key is limited everywhere: guessing is bounded, too.
            is_limited = path not in WITHOUT_RATE or (has_keys and path not in WITHOUT_KEY)
            assert ("rate_limited" in types_of(document, operation, "429")) is is_limited
            for response in operation["responses"].values():
                assert ("RateLimit" in response["headers"]) is is_limited
                assert ("RateLimit-Policy" in response["headers"]) is is_limited
                assert "X-Request-Id" in response["headers"]
    limited = operation_of(document, ("/v1/models", "get"))["responses"]["429"]
    assert limited["headers"]["Retry-After"]["required"]
    assert ("429" in operation_of(document, METRICS)["responses"]) is has_keys


def test_answers_stay_in_order_and_references_lead_somewhere(document_of):
    document = document_of(has_keys=True, rate=1)
    for operations in document["paths"].values():
        for operation in operations.values():
            assert list(operation["responses"]) == sorted(operation["responses"])
    for part in json.dumps(document).split('"$ref": "')[1:]:
        node = document
        for key in part.split('"')[0].removeprefix("#/").split("/"):
            node = node[key]
