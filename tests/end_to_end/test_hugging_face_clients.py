"""Hugging Face's clients, unchanged: ``huggingface_hub`` in Python, ``@huggingface/inference`` in
JavaScript. They get the plain answers on every route, and show our words where something is wrong.
"""

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from tests.crowd import crowd
from tests.keys import ALICE, WRONG, write_keys
from tests.made_texts import distinct_texts
from tests.server import ServerProcess

JAVASCRIPT = Path(__file__).parents[1] / "javascript"
GOOD = "A warm, funny film that I will watch again."
CONTEXT = "The treaty was signed in Lisbon 🎉 on 13 December 2007 by all member states."
QUESTION = {"question": "Where was the treaty signed?", "context": CONTEXT}
TASKS = ("sentiment", "classification", "question-answering")
MODELS = ("intents", "question-answering", "sentiment", "topics")
ROUTES = (*(f"/v1/{task}" for task in TASKS), *(f"/v1/models/{model}" for model in MODELS))


@dataclass(frozen=True)
class Call:
    """``method`` is ``classify`` or ``answer``, whatever the client calls it."""

    method: str
    url: str
    inputs: object
    parameters: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True)
class Shown:
    """An error as the client's user sees it."""

    message: str
    status: int
    request_id: str


def ask_in_python(calls):
    return [_ask_in_python(call) for call in calls]


def _ask_in_python(call):
    client = InferenceClient(model=call.url, headers=call.headers, token=call.key)
    try:
        if call.method == "classify":
            return client.text_classification(call.inputs, **call.parameters)
        answers = client.question_answering(**call.inputs, **call.parameters)
        return answers[0] if isinstance(answers, list) else answers
    except HfHubHTTPError as error:
        return Shown(str(error), error.response.status_code, error.request_id)


def ask_in_javascript(calls):
    if shutil.which("node") is None:
        pytest.skip("node is not there")
    if not (JAVASCRIPT / "node_modules").is_dir():
        pytest.skip("@huggingface/inference is not installed: npm ci --prefix tests/javascript")
    methods = {"classify": "textClassification", "answer": "questionAnswering"}
    document = [
        {
            "method": methods[call.method],
            "url": call.url,
            "arguments": {"inputs": call.inputs, "parameters": call.parameters},
            "headers": call.headers,
            "key": call.key,
        }
        for call in calls
    ]
    process = subprocess.run(
        ["node", "ask.mjs"],
        cwd=JAVASCRIPT,
        env={key: value for key, value in os.environ.items() if "PROXY" not in key.upper()},
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [
        outcome["value"]
        if "value" in outcome
        else Shown(outcome["message"], outcome.get("status"), outcome.get("requestId"))
        for outcome in json.loads(process.stdout)
    ]


@pytest.fixture(params=[ask_in_python, ask_in_javascript], ids=["python", "javascript"])
def ask(request):
    return request.param


def call_of(server, route, **options):
    if "question-answering" in route:
        return Call("answer", server.url + route, QUESTION, **options)
    return Call("classify", server.url + route, GOOD, **options)


def test_every_route_answers_as_it_does_without_a_client(served, ask):
    calls = [call_of(served, route) for route in ROUTES]
    for call, given in zip(calls, ask(calls), strict=True):
        expected = served.client.post(call.url, json={"inputs": call.inputs}).json()
        assert given == (expected[0] if call.method == "classify" else expected)


def test_a_slash_behind_the_url_does_no_harm(served, ask):
    [given] = ask([call_of(served, "/v1/sentiment/")])
    assert given[0]["label"] == "positive"


def test_parameters_reach_the_model(served, ask):
    wide = {"doc_stride": 8, "max_answer_len": 3, "max_question_len": 32, "max_seq_len": 64}
    flags = {"handle_impossible_answer": True, "align_to_words": False, "top_k": 2}
    calls = [
        call_of(served, "/v1/classification", parameters={"top_k": 2}),
        call_of(served, "/v1/models/topics", parameters={"function_to_apply": "none"}),
        call_of(served, "/v1/question-answering", parameters=wide | flags),
    ]
    for call, given in zip(calls, ask(calls), strict=True):
        body = {"inputs": call.inputs, "parameters": call.parameters}
        assert given == served.client.post(call.url, json=body).json()[0]
    best, raw, answer = ask(calls)
    assert [item["label"] for item in best][:1] == [raw[0]["label"]]
    assert (len(best), len(raw)) == (2, 4)
    assert raw[0]["score"] > 1
    assert CONTEXT[answer["start"] : answer["end"]] == answer["answer"]


def test_what_is_wrong_is_shown_in_our_words(served, ask):
    calls = {
        "inputs[1]: Input should be a string or an object": Call(
            "classify", served.url + "/v1/sentiment", ["good", 7]
        ),
        "parameters.top_k: Input should be greater than or equal to 1.": call_of(
            served, "/v1/models/topics", parameters={"top_k": -1}
        ),
        "inputs.context: The context has no words.": Call(
            "answer", served.url + "/v1/question-answering", QUESTION | {"context": " \n"}
        ),
        "inputs.text: Field required.": Call("classify", served.url + "/v1/sentiment", QUESTION),
        "There is no model 'nope'; loaded are: intents": call_of(served, "/v1/models/nope"),
        "There is no such route; GET /docs lists them.": call_of(served, "/v1/nope"),
        "The body is larger than the 2097152 bytes that are allowed.": Call(
            "classify", served.url + "/v1/sentiment", "good " * 600_000
        ),
        "headers.X-Request-Timeout: It must be a positive decimal number": call_of(
            served, "/v1/sentiment", headers={"X-Request-Timeout": "soon"}
        ),
        "deadline ": call_of(
            served, "/v1/classification", headers={"X-Request-Timeout": "0.000000001"}
        ),
    }
    shown = [
        (error.status, next((words for words in calls if words in error.message), error.message))
        for error in ask(calls.values())
    ]
    assert shown == list(zip([422, 422, 422, 422, 404, 404, 413, 422, 504], calls, strict=True))


def test_the_request_id_is_at_hand_when_something_is_wrong(served, ask):
    call = call_of(served, "/v1/models/nope", headers={"X-Request-Id": "id of mine"})
    assert [error.request_id for error in ask([call])] == ["id of mine"]


def test_info_and_health_beside_every_route(served):
    models = {model["name"]: model for model in served.client.get("/v1/models").json()["models"]}
    defaults = dict(zip(TASKS, ("sentiment", "topics", "question-answering"), strict=True))
    for route in ROUTES:
        client = InferenceClient(model=served.url + route, provider="hf-inference")
        assert client.health_check() is True
        info = client.get_endpoint_info()
        described = models[info["model_id"]]
        name = route.rsplit("/", 1)[1]
        assert info["model_id"] == (name if "models" in route else defaults[name])
        assert info["task"] == described["task"]
        assert info["model_dtype"] == {"fp32": "float32", "int8": "int8"}[described["precision"]]
        assert info["max_input_length"] == described["limits"]["max_tokens"]
        assert info["max_client_batch_size"] == described["limits"]["max_inputs"]
        assert info["max_body_bytes"] == described["limits"]["max_body_bytes"]
        labels = described.get("labels")
        if labels is None:
            assert info["model_pipeline_tag"] == "question-answering"
            assert "model_type" not in info
        else:
            assert info["model_pipeline_tag"] == "text-classification"
            id2label = info["model_type"]["classifier"]["id2label"]
            assert id2label == {str(index): label for index, label in enumerate(labels)}


def test_info_and_health_of_a_model_that_is_not_there(served):
    client = InferenceClient(model=served.url + "/v1/models/nope", provider="hf-inference")
    assert client.health_check() is False
    with pytest.raises(HfHubHTTPError, match="There is no model 'nope'; loaded are: intents"):
        client.get_endpoint_info()


@pytest.fixture(scope="module")
def troubled(slow_models, tmp_path_factory):
    """One worker, next to no queue, and a second model, whose file is broken."""
    models = tmp_path_factory.mktemp("troubled") / "models"
    shutil.copytree(slow_models, models)
    shutil.copytree(models / "sentiment", models / "broken")
    with (models / "broken" / "1" / "model.onnx").open("ab") as file:
        file.write(b"x")
    with ServerProcess(models, "--threads", "1", "--max-queue-seconds", "0.01") as server:
        yield server


def test_a_model_that_failed_to_load_is_shown(troubled, ask):
    [error] = ask([call_of(troubled, "/v1/models/broken")])
    assert error.status == 503
    assert "The model 'broken' failed to load." in error.message
    client = InferenceClient(model=troubled.url + "/v1/models/broken", provider="hf-inference")
    assert client.health_check() is False
    with pytest.raises(HfHubHTTPError, match="The model 'broken' failed to load"):
        client.get_endpoint_info()


def test_a_full_queue_is_shown_with_the_time_to_wait(troubled, ask):
    call = Call("classify", troubled.url + "/v1/models/sentiment", GOOD)
    body = {"inputs": distinct_texts(4, 300), "parameters": {"truncation": "right"}}
    with crowd(call.url, body):
        end = time.monotonic() + 20
        while not isinstance(shown := ask([call])[0], Shown):
            assert time.monotonic() < end
    assert shown.status == 429
    assert re.search(r"as much work waiting as it takes; try again in \d+ s\.", shown.message)


@pytest.fixture(scope="module")
def keyed(tiny_models, tmp_path_factory):
    """A service that asks for a key."""
    path = write_keys(tmp_path_factory.mktemp("keyed"))
    with ServerProcess(tiny_models, "--api-keys-file", str(path)) as server:
        yield server


def test_the_clients_token_is_the_key(keyed, ask):
    url = keyed.url + "/v1/models/sentiment"
    let_in, missing, wrong = ask(
        [Call("classify", url, "good", key=key) for key in (ALICE, None, WRONG)]
    )
    assert {item["label"] for item in let_in} == {"positive", "negative"}
    assert (missing.status, wrong.status) == (401, 403)
    assert "This service asks for a key: send the header Authorization" in missing.message
    assert "This key is none of those that this service takes." in wrong.message
    assert WRONG not in wrong.message


def test_info_and_health_are_asked_with_the_token(keyed):
    model = keyed.url + "/v1/models/sentiment"
    client = InferenceClient(model=model, provider="hf-inference", token=ALICE)
    assert client.health_check() is True
    assert client.get_endpoint_info()["model_id"] == "sentiment"
    client = InferenceClient(model=model, provider="hf-inference", token=WRONG)
    assert client.health_check() is False


def test_being_over_the_rate_is_shown_with_the_time_to_wait(tiny_models, ask):
    with ServerProcess(tiny_models, "--rate-limit", "0.02") as server:
        call = Call("classify", server.url + "/v1/models/sentiment", "good")
        _, over = ask([call, call])
    assert over.status == 429
    assert "This address has sent more than its 0.02 requests a second" in over.message
    assert re.search(r"try again in \d+ s\.", over.message)
