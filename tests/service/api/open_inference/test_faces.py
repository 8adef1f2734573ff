"""Which name and version is which face, and how a result becomes tensors."""

from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from model_directory.manifest import Task
from service.api.open_inference.faces import Faces
from service.api.open_inference.request import parse_inference
from service.api.open_inference.tensors_face import TensorsFace
from service.api.open_inference.text_face import TextFace
from service.lifecycle import Lifecycle, StartingError
from service.registry import ModelUnavailableError, NoSuchModelError, Registry
from service.tasks.classification import Prediction
from service.tasks.question_answering import Answer
from tests.service.api.open_inference.conftest import LIMITS, model_of


def faces_of(*names, failed=(), started=True):
    registry = Registry({})
    registry._loaded = {name: model_of(Task.SENTIMENT, name) for name in names}
    registry._failed = {name: SimpleNamespace(name=name) for name in failed}
    lifecycle = Lifecycle()
    if started:
        lifecycle.started()
    return Faces(registry, lifecycle, LIMITS)


def test_a_model_has_two_faces():
    faces = faces_of("films", "books")
    assert isinstance(faces.get("films"), TextFace)
    assert isinstance(faces.get("films_tensors", "3"), TensorsFace)
    names = [face.name for face in faces.all()]
    assert sorted(names) == ["books", "books_tensors", "films", "films_tensors"]


def test_a_models_own_name_goes_first():
    faces = faces_of("films", "films_tensors", "films_tensors_tensors")
    assert isinstance(faces.get("films_tensors"), TextFace)
    assert isinstance(faces.get("films_tensors_tensors_tensors"), TensorsFace)
    names = [face.name for face in faces.all()]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("name", ["other", "other_tensors", "_tensors", "tensors", "x" * 1000])
def test_another_name_is_told_which_there_are(name):
    with pytest.raises(NoSuchModelError, match=r"loaded are: .*films"):
        faces_of("films").get(name)


@pytest.mark.parametrize("version", ["1", "03", "", "3 ", "latest"])
def test_another_version_is_told_which_there_is(version):
    with pytest.raises(NoSuchModelError, match="loaded is: 3"):
        faces_of("films").get("films", version)


def test_a_model_that_failed_to_load_has_no_face_but_says_so():
    faces = faces_of("films", failed=("books",))
    for name in ("books", "books_tensors"):
        with pytest.raises(ModelUnavailableError):
            faces.get(name)


def test_while_models_are_being_loaded_none_is_missing():
    with pytest.raises(StartingError):
        faces_of(started=False).get("films")


def values_of(tensors):
    return {
        tensor.name: (tensor.shape, np.asarray(tensor.elements).reshape(tensor.shape).tolist())
        for tensor in tensors
    }


def ask(face, **texts):
    inputs = [
        {"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": rows}
        for name, rows in texts.items()
    ]
    return parse_inference(face, orjson.dumps({"inputs": inputs}), None).asked


def test_labels_are_a_row_for_each_text(texts):
    asked = ask(texts, text=["a", "b"])
    result = [
        [Prediction("POSITIVE", 0.75), Prediction("NEGATIVE", 0.25)],
        [Prediction("NEGATIVE", 0.5), Prediction("POSITIVE", 0.5)],
    ]
    assert values_of(asked.tensors(result)) == {
        "label": ((2, 2), [["POSITIVE", "NEGATIVE"], ["NEGATIVE", "POSITIVE"]]),
        "score": ((2, 2), [[0.75, 0.25], [0.5, 0.5]]),
    }


def test_rows_of_fewer_answers_are_filled(questions):
    asked = ask(questions, question=["who", "what"], context=["you", "it is that"])
    result = [
        [Answer("you", 0.5, 0, 3)],
        [Answer("that", 0.75, 6, 10), Answer("is that", 0.25, 3, 10)],
    ]
    assert values_of(asked.tensors(result)) == {
        "answer": ((2, 2), [["you", ""], ["that", "is that"]]),
        "score": ((2, 2), [[0.5, 0.0], [0.75, 0.25]]),
        "start": ((2, 2), [[0, -1], [6, 3]]),
        "end": ((2, 2), [[3, -1], [10, 10]]),
    }


def test_logits_are_as_they_are(tensors):
    logits = np.array([[1, 2]], np.float32)
    asked = tensors.parse(
        {"input_ids": SimpleNamespace(shape=(1, 2), array=np.array([[2, 3]]))}, {}
    )
    assert values_of(asked.tensors([logits])) == {"logits": ((1, 2), [[1, 2]])}
