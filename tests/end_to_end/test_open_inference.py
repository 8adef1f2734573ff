"""Triton's own client is answered as by Triton: health, metadata, texts and tensors, both forms."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.end_to_end.conftest import TOPICS
from tests.end_to_end.test_answers import CONTEXT, TEXTS, reference_logits, softmax
from tests.keys import ALICE, WRONG, bearer, write_keys
from tests.server import ServerProcess

MODELS = {"one", "qa", "sentiment", "stars", "tags", "topics"}


@pytest.fixture(scope="module")
def triton(tiny):
    with InferenceServerClient(f"127.0.0.1:{tiny.port}") as client:
        yield client


def texts_of(name, texts, *, binary=True):
    tensor = InferInput(name, [len(texts), 1], "BYTES")
    array = np.array(texts, dtype=object).reshape(-1, 1)
    return tensor.set_data_from_numpy(array, binary_data=binary)


def ids_of(name, rows, *, binary=True):
    tensor = InferInput(name, list(np.shape(rows)), "INT64")
    return tensor.set_data_from_numpy(np.array(rows, dtype=np.int64), binary_data=binary)


def decoded(array):
    return [
        [value.decode() if isinstance(value, bytes) else value for value in row] for row in array
    ]


def padded(models, name, *texts):
    """Ids, mask and types of ``texts``, padded to the longest."""
    tokenizer = Tokenizer.from_file(str(models / name / "1" / "tokenizer.json"))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(list(texts))
    return {
        "input_ids": [each.ids for each in encodings],
        "attention_mask": [each.attention_mask for each in encodings],
        "token_type_ids": [each.type_ids for each in encodings],
    }


# Health and metadata -----------------------------------------------------------------------------


def test_health(triton, tiny):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert tiny.client.get("/v2/health/live").json() == {"live": True}
    assert tiny.client.get("/v2/health/ready").json() == {"ready": True, "reasons": []}
    for name in ("topics", "topics_tensors"):
        assert triton.is_model_ready(name)
        assert triton.is_model_ready(name, "1")
        assert not triton.is_model_ready(name, "2")
    assert not triton.is_model_ready("other")


def test_the_server_says_what_it_can(triton):
    metadata = triton.get_server_metadata()
    assert metadata["name"] == "albert-serve"
    assert "binary_tensor_data" in metadata["extensions"]


def test_a_text_model_says_what_it_takes(triton):
    texts = {"datatype": "BYTES", "shape": [-1, 1]}
    metadata = triton.get_model_metadata("topics")
    assert metadata == triton.get_model_metadata("topics", "1")
    assert metadata == {
        "name": "topics",
        "versions": ["1"],
        "platform": "albert_text",
        "inputs": [{"name": "text", **texts}, {"name": "text_pair", **texts}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1, -1]},
            {"name": "score", "datatype": "FP32", "shape": [-1, -1]},
        ],
    }
    questions = triton.get_model_metadata("qa")
    assert questions["inputs"] == [{"name": "question", **texts}, {"name": "context", **texts}]
    names = [output["name"] for output in questions["outputs"]]
    assert names == ["answer", "score", "start", "end"]


def test_a_models_tensors_are_those_of_its_file(triton):
    metadata = triton.get_model_metadata("topics_tensors")
    assert metadata["platform"] == "onnxruntime_onnx"
    assert [each["name"] for each in metadata["inputs"]] == [
        "input_ids", "attention_mask", "token_type_ids",
    ]  # fmt: skip
    assert metadata["outputs"] == [{"name": "logits", "datatype": "FP32", "shape": [-1, 4]}]
    outputs = triton.get_model_metadata("qa_tensors")["outputs"]
    assert [each["name"] for each in outputs] == ["start_logits", "end_logits"]


def test_the_configuration_has_what_perf_analyzer_reads(triton):
    config = triton.get_model_config("topics_tensors")
    assert config == triton.get_model_config("topics_tensors", "1")
    assert config["max_batch_size"] == 256
    assert [each["optional"] for each in config["input"]] == [False, True, True]
    assert config["output"] == [
        {"name": "logits", "data_type": "TYPE_FP32", "dims": [4], "optional": False}
    ]
    assert triton.get_model_config("topics")["input"][0]["data_type"] == "TYPE_STRING"


def test_the_index_lists_every_name(triton, tiny):
    index = triton.get_model_repository_index()
    assert {entry["name"] for entry in index} == MODELS | {f"{name}_tensors" for name in MODELS}
    assert {(entry["version"], entry["state"]) for entry in index} == {("1", "READY")}
    assert tiny.client.post("/v2/repository/index", json={"ready": True}).json() == index


# Answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [True, False])
def test_scores_are_the_softmax_of_the_files_logits(triton, tiny_models, binary):
    outputs = [InferRequestedOutput(name, binary_data=binary) for name in ("score", "label")]
    result = triton.infer(
        "topics", [texts_of("text", TEXTS, binary=binary)], outputs=outputs, request_id="42"
    )
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == (
        "topics", "1", "42",
    )  # fmt: skip
    assert [output["name"] for output in response["outputs"]] == ["score", "label"]
    assert all(("data" in output) is not binary for output in response["outputs"])
    labels, scores = decoded(result.as_numpy("label")), result.as_numpy("score")
    assert scores.dtype == np.float32
    for text, names, row in zip(TEXTS, labels, scores, strict=True):
        [logits] = reference_logits(tiny_models, "topics", text)
        expected = dict(zip(TOPICS, softmax(logits[0]), strict=True))
        assert dict(zip(names, row.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
        assert row.tolist() == sorted(row.tolist(), reverse=True)


def test_texts_and_parameters_mean_what_they_do_under_v1(triton, tiny):
    pairs = [texts_of("text", ["the film", "good"]), texts_of("text_pair", ["was good", "bad"])]
    result = triton.infer("sentiment", pairs, parameters={"top_k": 1, "function_to_apply": "none"})
    body = {
        "inputs": [
            {"text": "the film", "text_pair": "was good"},
            {"text": "good", "text_pair": "bad"},
        ],
        "parameters": {"top_k": 1, "function_to_apply": "none"},
    }
    expected = tiny.client.post("/v1/sentiment", json=body).json()
    labels = decoded(result.as_numpy("label"))
    assert labels == [[item["label"] for item in row] for row in expected]
    scores = [[item["score"] for item in row] for row in expected]
    assert result.as_numpy("score") == pytest.approx(np.array(scores), abs=1e-5)


def test_answers_are_those_of_v1(triton, tiny):
    questions, contexts = ["where", "who"], [CONTEXT, "she wrote the first program in 1843"]
    parameters = {"top_k": 3, "max_answer_len": 4}
    inputs = [texts_of("question", questions), texts_of("context", contexts)]
    result = triton.infer("qa", inputs, parameters=parameters)
    body = {
        "inputs": [
            {"question": question, "context": context}
            for question, context in zip(questions, contexts, strict=True)
        ],
        "parameters": parameters,
    }
    expected = tiny.client.post("/v1/question-answering", json=body).json()
    for name in ("answer", "start", "end"):
        values = [[item[name] for item in row] for row in expected]
        assert decoded(result.as_numpy(name)) == values
    scores = [[item["score"] for item in row] for row in expected]
    assert result.as_numpy("score") == pytest.approx(np.array(scores), abs=1e-6)
    starts, ends = result.as_numpy("start"), result.as_numpy("end")
    assert starts.dtype == ends.dtype == np.int64
    for row, answers in enumerate(decoded(result.as_numpy("answer"))):
        for column, answer in enumerate(answers):
            assert contexts[row][starts[row, column] : ends[row, column]] == answer != ""


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("name", ["topics", "qa"])
def test_tensors_go_through_the_file_as_they_are(triton, tiny_models, name, binary):
    texts = ["the film was good", "a bad book", "where is the city of london"]
    given = padded(tiny_models, name, *texts)
    inputs = [ids_of(key, rows, binary=binary) for key, rows in given.items()]
    names = ["logits"] if name == "topics" else ["start_logits", "end_logits"]
    outputs = [InferRequestedOutput(each, binary_data=binary) for each in names]
    result = triton.infer(f"{name}_tensors", inputs, outputs=outputs, model_version="1")
    for row, text in enumerate(texts):
        for output, logits in zip(names, reference_logits(tiny_models, name, text), strict=True):
            found = result.as_numpy(output)[row]
            assert found[: logits.shape[1]] == pytest.approx(logits[0], abs=1e-4)
            assert set(found[logits.shape[1] :].tolist()) <= {-10_000.0}


def test_mask_and_types_may_be_left_out(triton, tiny_models):
    given = padded(tiny_models, "topics", "the film was good")
    alone = triton.infer("topics_tensors", [ids_of("input_ids", given["input_ids"])])
    whole = triton.infer("topics_tensors", [ids_of(key, rows) for key, rows in given.items()])
    assert alone.as_numpy("logits") == pytest.approx(whole.as_numpy("logits"), abs=1e-6)


def test_several_at_once(triton):
    waiting = [
        triton.async_infer("sentiment", [texts_of("text", [f"the film was good {n}"])])
        for n in range(5)
    ]
    for request in waiting:
        assert request.get_result().as_numpy("score").sum() == pytest.approx(1, abs=1e-5)


def test_a_body_without_a_media_type_and_facts_in_headers(tiny):
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}
    content = json.dumps({"inputs": [tensor]}).encode()
    answer = tiny.client.post("/v2/models/topics_tensors/infer", content=content)
    assert answer.status_code == 422
    answer = tiny.client.post("/v2/models/topics/versions/1/infer", content=content)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert (answer.headers["X-Model"], answer.headers["X-Model-Version"]) == ("topics", "1")
    assert answer.headers["X-Tokens"] == "3"
    assert "inference;dur=" in answer.headers["Server-Timing"]
    assert answer.json()["outputs"][0]["shape"] == [1, 4]
    route = "/v2/models/{model}/versions/{version}/infer"
    assert tiny.metric("albert_requests_total", route=route, model="topics", status="200") >= 1


# Keys -------------------------------------------------------------------------------------------


def test_triton_s_client_sends_a_key_as_a_header_and_probes_need_none(tiny_models, tmp_path):
    with ServerProcess(tiny_models, "--api-keys-file", str(write_keys(tmp_path))) as server:
        inputs = [texts_of("text", ["good"])]
        with InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("topics", headers=bearer(ALICE))
            assert not client.is_model_ready("topics")
            answer = client.infer("topics", inputs, headers=bearer(ALICE))
            assert decoded(answer.as_numpy("label"))[0][0] in TOPICS
            for headers, status in ((None, "401"), (bearer(WRONG), "403")):
                with pytest.raises(InferenceServerException, match="key") as refusal:
                    client.infer("topics", inputs, headers=headers)
                assert refusal.value.status() == status
