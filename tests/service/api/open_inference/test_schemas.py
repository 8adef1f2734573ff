"""The examples that the description shows are what the schemas take."""

import orjson
import pytest

from model_directory.manifest import Task
from service.api.open_inference.request import parse_inference
from service.api.open_inference.text_face import TextFace
from service.api.schemas import open_inference
from service.api.schemas.open_inference import InferenceRequest
from tests.service.api.open_inference.conftest import LIMITS, model_of

MODELS = [
    model
    for model in vars(open_inference).values()
    if "json_schema_extra" in getattr(model, "model_config", {})
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_example_is_valid(model):
    for example in model.model_config["json_schema_extra"]["examples"]:
        assert model.model_validate(example).model_dump(exclude_unset=True) == example


def test_the_example_of_a_request_is_one():
    [example] = InferenceRequest.model_config["json_schema_extra"]["examples"]
    face = TextFace(model_of(Task.SENTIMENT), LIMITS)
    parsed = parse_inference(face, orjson.dumps(example), None)
    assert parsed.timeout_seconds == 2.0
    assert len(parsed.asked.request.inputs) == 2
