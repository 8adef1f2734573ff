import json

import pytest
from pydantic import ValidationError

from model_directory.manifest import Manifest, ProblemType, Task, is_model_name
from tests.model_directory.version_directory import file_record, manifest_fields, manifest_of


def test_what_is_written_reads_back_as_the_same_manifest() -> None:
    manifest = manifest_of()
    written = manifest.model_dump_json()
    assert json.loads(written)["schema"] == 1
    assert Manifest.model_validate_json(written) == manifest


def test_a_question_answering_manifest_has_no_labels() -> None:
    manifest = manifest_of(task="question-answering", labels=[], problem_type=None)
    assert manifest.task is Task.QUESTION_ANSWERING
    assert manifest.problem_type is None


def test_names_of_the_files_are_those_of_the_layout() -> None:
    assert manifest_of().model_file == "model.onnx"
    assert manifest_of().tokenizer_file == "tokenizer.json"
    assert manifest_of().problem_type is ProblemType.SINGLE_LABEL


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": 2}, "1"),
        ({"name": "Upper Case"}, "pattern"),
        ({"version": 0}, "greater than 0"),
        ({"task": "translation"}, "question-answering"),
        ({"labels": []}, "needs labels"),
        ({"labels": ["A", "A"]}, "labels repeat"),
        ({"problem_type": None}, "needs labels and problem_type"),
        ({"task": "question-answering"}, "neither labels nor problem_type"),
        ({"max_tokens": 65}, "max_position_embeddings"),
        ({"precision": "fp8"}, "int8"),
        ({"surprise": 1}, "Extra inputs"),
        ({"files": [file_record("model.onnx", b"")]}, "tokenizer.json is not among"),
        ({"files": [file_record("tokenizer.json", b"")]}, "model.onnx is not among"),
        ({"files": [file_record("model.onnx", b"")] * 2}, "files repeat"),
        (
            {
                "files": [
                    file_record(name, b"")
                    for name in ("model.onnx", "tokenizer.json", "manifest.json")
                ]
            },
            "own digest",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        Manifest.model_validate_json(json.dumps(manifest_fields(**changes)))


@pytest.mark.parametrize(
    "path",
    [
        "../model.onnx",
        "/etc/passwd",
        "a/b",
        "",
        ".",
        "..",
        ".hidden",
        "a\\b",
        "a\0b",
        "a\n",
        "x" * 129,
    ],
)
def test_a_file_path_that_is_not_a_plain_name_is_refused(path: str) -> None:
    files = [file_record(name, b"") for name in ("model.onnx", "tokenizer.json", path)]
    with pytest.raises(ValidationError):
        Manifest.model_validate_json(json.dumps(manifest_fields(files=files)))


@pytest.mark.parametrize("name", ["a", "sentiment", "albert-base_v2.1", "0", "x" * 64])
def test_a_lower_case_name_names_a_model(name: str) -> None:
    assert is_model_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "a-", "A", "a/b", "a b", "ä", "x" * 65, "a\n"]
)
def test_what_cannot_be_a_directory_and_a_url_names_no_model(name: str) -> None:
    assert not is_model_name(name)


AGREEMENT = {"texts": 64, "agreement": 1.0, "mean_drift": 0.004, "max_drift": 0.03}
QUANTISATION = {"rounding": {"dense": "static"}, "calibration": "texts", "calibration_texts": 64}


def test_a_manifest_says_what_its_precision_did() -> None:
    manifest_of(precision="fp16", agreement=AGREEMENT)
    manifest_of(precision="int8", agreement=AGREEMENT, quantisation=QUANTISATION)
    for changes in (
        {"precision": "int8"},
        {"precision": "int8", "agreement": AGREEMENT},
        {"precision": "int8", "quantisation": QUANTISATION},
        {"precision": "fp16"},
        {"precision": "fp16", "agreement": AGREEMENT, "quantisation": QUANTISATION},
        {"precision": "fp32", "agreement": AGREEMENT},
        {"precision": "fp32", "quantisation": QUANTISATION},
    ):
        with pytest.raises(ValidationError, match="belongs to precision"):
            manifest_of(**changes)
