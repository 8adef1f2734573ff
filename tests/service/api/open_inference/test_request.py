"""What a request says is understood, what is wrong with it is named, and no bytes do harm."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from model_directory.manifest import Task
from service.api.open_inference.request import parse_inference
from service.api.open_inference.tensors_face import TensorsFace
from service.api.open_inference.text_face import TextFace
from service.api.problems import ProblemError
from service.scheduling.priority import Priority
from tests.service.api.open_inference.conftest import LIMITS, model_of

TEXT = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": ["good"]}
IDS = {"name": "input_ids", "shape": [1, 2], "datatype": "INT64", "data": [2, 3]}


def parse(face, document, raw=b"", header=None):
    head = json.dumps(document).encode()
    if raw and header is None:
        header = b"%d" % len(head)
    return parse_inference(face, head + raw, header)


def asked_texts(parsed):
    return [(item.text, item.text_pair) for item in parsed.asked.request.inputs]


def test_texts_in_json(texts):
    pair = {**TEXT, "name": "text_pair", "data": ["bad"]}
    parsed = parse(texts, {"inputs": [pair, TEXT], "parameters": {"top_k": 1}})
    assert asked_texts(parsed) == [("good", "bad")]
    assert parsed.asked.request.top_k == 1
    assert (parsed.id, parsed.timeout_seconds, parsed.priority) == (None, None, None)
    assert parsed.outputs == {"label": False, "score": False}


def test_questions_in_json(questions):
    question = {"name": "question", "shape": [2], "datatype": "BYTES", "data": ["who", "what"]}
    context = {**question, "name": "context", "data": ["you", "that"]}
    parsed = parse(questions, {"inputs": [context, question], "parameters": {"doc_stride": 9}})
    inputs = [(item.question, item.contexts) for item in parsed.asked.request.inputs]
    assert inputs == [("who", ("you",)), ("what", ("that",))]
    assert parsed.asked.request.doc_stride == 9


@settings(max_examples=30)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.booleans())
def test_what_tritons_client_writes_is_what_was_meant(given_texts, binary):
    face = TextFace(model_of(Task.SENTIMENT), LIMITS)
    tensor = InferInput("text", [len(given_texts)], "BYTES")
    tensor.set_data_from_numpy(np.array(given_texts, dtype=object), binary_data=binary)
    body, header = InferenceServerClient.generate_request_body(
        [tensor],
        outputs=[InferRequestedOutput("score"), InferRequestedOutput("label", binary_data=False)],
        request_id="7",
        priority=2,
        timeout=1_500_000,
    )
    parsed = parse_inference(face, body, None if header is None else b"%d" % header)
    assert asked_texts(parsed) == [(text, None) for text in given_texts]
    assert parsed.id == "7"
    assert parsed.outputs == {"score": True, "label": False}
    assert (parsed.timeout_seconds, parsed.priority) == (1.5, Priority.BULK)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 49), min_size=3, max_size=3), min_size=1, max_size=4))
def test_ids_as_bytes_and_as_json_are_the_same(rows):
    face = TensorsFace.of(model_of(Task.SENTIMENT), LIMITS)
    for binary in (True, False):
        tensor = InferInput("input_ids", [len(rows), 3], "INT64")
        tensor.set_data_from_numpy(np.array(rows, dtype=np.int64), binary_data=binary)
        body, header = InferenceServerClient.generate_request_body([tensor])
        parsed = parse_inference(face, body, None if header is None else b"%d" % header)
        assert parsed.asked.request.input_ids.tolist() == rows
        assert parsed.outputs == {"logits": True}


@pytest.mark.parametrize(
    ("priority", "expected"),
    [(0, None), (1, Priority.INTERACTIVE), (2, Priority.BULK), (2**63 - 1, Priority.BULK)],
)
def test_priorities_are_tritons(texts, priority, expected):
    document = {"inputs": [TEXT], "parameters": {"priority": priority, "timeout": 0}}
    parsed = parse(texts, document)
    assert (parsed.priority, parsed.timeout_seconds) == (expected, None)


@pytest.mark.parametrize("data", [["good"], [["good"]]])
def test_a_flat_and_a_nested_text_are_the_same(texts, data):
    assert asked_texts(parse(texts, {"inputs": [{**TEXT, "data": data}]})) == [("good", None)]


def test_binary_outputs_are_as_the_request_says_where_they_do_not_say_themselves(texts):
    document = {"inputs": [TEXT], "parameters": {"binary_data_output": True}}
    assert parse(texts, document).outputs == {"label": True, "score": True}
    document["outputs"] = [{"name": "label", "parameters": {"binary_data": False}}]
    assert parse(texts, document).outputs == {"label": False}
    document["outputs"] = [{"name": "score"}]
    assert parse(texts, document).outputs == {"score": True}


def changed(**changes):
    return {"inputs": [{**TEXT, **changes}]}


def binary(size):
    return {"inputs": [{**TEXT, "data": None, "parameters": {"binary_data_size": size}}]}


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        ([], "body", "should be an object"),
        ({}, "inputs", "required"),
        ({"inputs": []}, "inputs", "at least 1 item"),
        ({"inputs": [TEXT] * 3}, "inputs", "There are 3 and the model has 2"),
        ({"inputs": [{}] * 500_000}, "inputs", "There are 500000"),
        ({"inputs": [TEXT, TEXT]}, "inputs[1].name", "there twice; the model's are: text"),
        (changed(name="txt"), "inputs[0].name", "no such input; the model's are: text, text_pair"),
        (changed(name="text_pair"), "inputs", "The input text is missing"),
        (changed(datatype="INT64"), "text", "The datatype is INT64 and must be BYTES"),
        (changed(shape=[5, 1]), "text", "may be [1 to 4, 1 to 1]"),
        (changed(shape=[2**64, 1]), "inputs[0].shape[0]", "less than or equal"),
        (changed(shape=[-1]), "inputs[0].shape[0]", "greater than or equal"),
        (changed(shape=["1"]), "inputs[0].shape[0]", "integer"),
        (changed(shape=[1] * 100_000), "inputs[0].shape", "at most 8"),
        (changed(shape=[2]), "text", "The data has 1 elements and the shape [2] has 2"),
        (changed(data=[1]), "text[0]", "must be a string"),
        (changed(data=None), "inputs[0].data", "needed where there is no"),
        (changed(data=["a" * 101]), "text[0]", "has 101 characters and at most 100"),
        (changed(parameters={"binary_data_size": 0}), "inputs[0].data", "one of them must go"),
        (changed(parameters={"shared_memory_region": "a"}), "inputs[0].parameters", "allowed are"),
        (changed(parameters={str(n): n for n in range(50)}), "inputs[0].parameters", "50 keys"),
        (changed(extra=1), "inputs[0].extra", "allowed are: name, shape, datatype"),
        (binary(9), "inputs[0].parameters.binary_data_size", "It is 9, and 8 bytes are left"),
        (binary(2**63), "inputs[0].parameters.binary_data_size", "less than or equal"),
        (binary(-1), "inputs[0].parameters.binary_data_size", "greater than or equal"),
        (binary(7), "text[0]", "The bytes end within element 0 of 1"),
        ({"inputs": [TEXT]}, "body", "8 bytes are left behind those of the inputs"),
        ({"inputs": [TEXT], "outputs": [{"name": "x"}]}, "outputs[0].name", "label, score"),
        ({"inputs": [TEXT], "outputs": [{"name": "label"}] * 2}, "outputs[1].name", "twice"),
        ({"inputs": [TEXT], "outputs": [{}] * 9}, "outputs", "There are 9 and the model has 2"),
        (
            {"inputs": [TEXT], "outputs": [{"name": "label", "parameters": {"classification": 1}}]},
            "outputs[0].parameters.classification",
            "allowed are: binary_data",
        ),
        ({"inputs": [TEXT], "id": 7}, "id", "string"),
        ({"inputs": [TEXT], "id": "a" * 1025}, "id", "at most 1024"),
        ({"inputs": [TEXT], "parameters": []}, "parameters", "should be an object"),
        ({"inputs": [TEXT], "parameters": {"timeout": -1}}, "parameters.timeout", "greater"),
        ({"inputs": [TEXT], "parameters": {"timeout": "1"}}, "parameters.timeout", "integer"),
        ({"inputs": [TEXT], "parameters": {"timeout": True}}, "parameters.timeout", "integer"),
        (
            {"inputs": [TEXT], "parameters": {"timeout": 3_600_000_001}},
            "parameters.timeout",
            "less than",
        ),
        ({"inputs": [TEXT], "parameters": {"priority": 1.5}}, "parameters.priority", "integer"),
        ({"inputs": [TEXT], "parameters": {"topk": 1}}, "parameters.topk", "priority, binary_data"),
        ({"inputs": [TEXT], "parameters": {"top_k": 0}}, "parameters.top_k", "equal to 1"),
        (
            {"inputs": [TEXT], "parameters": {"return_windows": True}},
            "parameters.return_windows",
            "allowed are: timeout, priority, binary_data_output, top_k",
        ),
        ({"inputs": [TEXT], "parameters": {"doc_stride": 1}}, "parameters.doc_stride", "top_k"),
    ],
)
def test_what_is_wrong_is_422_and_named(texts, document, place, words):
    raw = b"\4\0\0\0good" if "8 bytes" in words or "binary_data_size" in str(document) else b""
    with pytest.raises(ProblemError) as refused:
        parse(texts, document, raw)
    problem = refused.value
    assert problem.status == 422
    assert problem.errors[0]["place"].startswith(place)
    assert words in problem.errors[0]["message"]
    assert len(problem.detail) < 400


def test_tensors_of_one_request_have_the_same_shape(texts, questions, tensors):
    pair = {**TEXT, "name": "text_pair", "shape": [2], "data": ["a", "b"]}
    mask = {**IDS, "name": "attention_mask", "shape": [2, 1], "data": [1, 1]}
    for face, inputs, place in (
        (texts, [TEXT, pair], "text_pair.shape"),
        (tensors, [IDS, mask], "attention_mask.shape"),
    ):
        with pytest.raises(ProblemError) as refused:
            parse(face, {"inputs": inputs})
        assert refused.value.errors[0]["place"] == place


def test_a_question_without_words_is_named_by_its_row(questions):
    question = {"name": "question", "shape": [2], "datatype": "BYTES", "data": ["who", ""]}
    context = {**question, "name": "context", "data": ["you", "that"]}
    with pytest.raises(ProblemError) as refused:
        parse(questions, {"inputs": [question, context]})
    assert refused.value.errors[0]["place"] == "question[1]"


def test_ids_take_no_parameters_of_texts(tensors):
    with pytest.raises(ProblemError, match="422") as refused:
        parse(tensors, {"inputs": [IDS], "parameters": {"top_k": 1}})
    assert refused.value.errors[0]["place"] == "parameters.top_k"


@pytest.mark.parametrize("header", [b"", b"-1", b"x", b"1e3", b"99999", b"9" * 4000, b"+1", b" 1"])
def test_a_header_length_that_cannot_be_is_400(texts, header):
    with pytest.raises(ProblemError) as refused:
        parse(texts, {"inputs": [TEXT]}, header=header)
    assert refused.value.status == 400
    assert "Inference-Header-Content-Length" in refused.value.detail


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"inputs": "\xff"}', b"{} x"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_not_json_is_400(texts, body, whole):
    with pytest.raises(ProblemError) as refused:
        parse_inference(texts, body, None if whole else b"%d" % len(body))
    assert refused.value.status == 400


# Hostile bytes -----------------------------------------------------------------------------------

FACES = (
    TextFace(model_of(Task.SENTIMENT), LIMITS),
    TextFace(model_of(Task.QUESTION_ANSWERING), LIMITS),
    TensorsFace.of(model_of(Task.SENTIMENT), LIMITS),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.sampled_from(["text", "text_pair", "question", "context", "input_ids", "BYTES", "INT64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "shape", "datatype", "data", "parameters", "binary_data_size", "timeout"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
TENSOR_OBJECTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["text", "text_pair", "question", "context", "input_ids", "x"]),
        "shape": st.lists(st.integers(-1, 5) | st.just(2**63 - 1), max_size=3),
        "datatype": st.sampled_from(["BYTES", "INT64", "FP32"]),
    },
    optional={
        "data": VALUES,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40)}),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSOR_OBJECTS, max_size=4)},
    optional={
        "outputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["label", "x"])})),
        "parameters": st.dictionaries(
            st.sampled_from(["timeout", "priority", "top_k", "binary_data_output", "x"]), VALUES
        ),
        "id": VALUES,
    },
)


def refused_or_understood(face, body, header):
    try:
        outcome = parse_inference(face, body, header)
    except ProblemError as problem:
        outcome = problem
    if isinstance(outcome, ProblemError):
        assert outcome.status in (400, 422)
        assert outcome.detail
    else:
        assert outcome.outputs


@given(st.sampled_from(FACES), st.binary(max_size=300), st.none() | st.binary(max_size=4))
def test_any_bytes_are_a_request_or_refused(face, body, header):
    refused_or_understood(face, body, header)


@settings(max_examples=60)
@given(st.sampled_from(FACES), DOCUMENTS | VALUES, st.binary(max_size=60), st.integers(-3, 3))
def test_any_document_and_any_bytes_behind_it_are_a_request_or_refused(face, document, raw, off):
    head = json.dumps(document).encode()
    refused_or_understood(face, head + raw, b"%d" % (len(head) + off))


@given(st.data())
def test_a_request_with_bytes_changed_or_cut_is_a_request_or_refused(data):
    tensor = InferInput("input_ids", [2, 3], "INT64")
    tensor.set_data_from_numpy(np.ones((2, 3), np.int64))
    body, header = InferenceServerClient.generate_request_body([tensor])
    body = bytearray(body)
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    refused_or_understood(FACES[2], cut, b"%d" % header)


def test_claims_of_size_take_no_memory():
    bodies = [
        {**IDS, "shape": [2**62, 2**62]},
        {**IDS, "shape": [4, 8], "data": None, "parameters": {"binary_data_size": 2**62}},
        {**TEXT, "shape": [2**62, 1], "data": None, "parameters": {"binary_data_size": 8}},
        {**TEXT, "shape": [4, 1], "data": None, "parameters": {"binary_data_size": 8}},
    ]
    for tensor in bodies:
        head = json.dumps({"inputs": [tensor]}).encode()
        face = FACES[2] if tensor["name"] == "input_ids" else FACES[0]
        tracemalloc.start()
        try:
            refused_or_understood(face, head + b"\xff\xff\xff\xff....", b"%d" % len(head))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 200_000
