"""Faces of models that are never run."""

from types import SimpleNamespace

import pytest

from model_directory.manifest import Task
from service.api.open_inference.tensors_face import TensorsFace
from service.api.open_inference.text_face import TextFace
from service.api.translation import InputLimits

LIMITS = InputLimits(max_inputs=4, max_characters=100)


def model_of(task, name="films", version=3):
    labels = () if task is Task.QUESTION_ANSWERING else ("NEGATIVE", "POSITIVE")
    architecture = SimpleNamespace(vocab_size=50, type_vocab_size=2)
    manifest = SimpleNamespace(
        name=name,
        version=version,
        task=task,
        labels=labels,
        max_tokens=8,
        architecture=architecture,
    )
    return SimpleNamespace(name=name, manifest=manifest, task=SimpleNamespace())


@pytest.fixture
def texts():
    return TextFace(model_of(Task.SENTIMENT), LIMITS)


@pytest.fixture
def questions():
    return TextFace(model_of(Task.QUESTION_ANSWERING, "qa"), LIMITS)


@pytest.fixture
def tensors():
    return TensorsFace.of(model_of(Task.SENTIMENT), LIMITS)
