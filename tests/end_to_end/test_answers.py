"""Answers over HTTP are those of the exported file, whatever shape the request has."""

import numpy as np
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from tests.end_to_end.conftest import TOPICS

TEXTS = ["the film was good", "a bad book", "", "where is the city of london 🎉", "Ünïcode\r\nline"]


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def reference_logits(models, name, *text):
    """Logits of one text alone, straight from the file, without any code of the service."""
    directory = models / name / "1"
    encoding = Tokenizer.from_file(str(directory / "tokenizer.json")).encode(*text)
    session = ort.InferenceSession(directory / "model.onnx")
    feeds = {
        "input_ids": encoding.ids,
        "attention_mask": encoding.attention_mask,
        "token_type_ids": encoding.type_ids,
    }
    return session.run(None, {name: np.array([ids], np.int64) for name, ids in feeds.items()})


def scores_of(predictions):
    return {item["label"]: item["score"] for item in predictions}


@pytest.mark.parametrize("text", TEXTS)
def test_scores_are_the_softmax_of_the_files_logits(tiny, tiny_models, text):
    answer = tiny.client.post("/v1/classification", json={"inputs": text})
    assert answer.status_code == 200
    [logits] = reference_logits(tiny_models, "topics", text)
    expected = dict(zip(TOPICS, softmax(logits[0]), strict=True))
    [predictions] = answer.json()
    assert scores_of(predictions) == pytest.approx(expected, abs=1e-5)
    scores = [item["score"] for item in predictions]
    assert scores == sorted(scores, reverse=True)


def test_many_inputs_have_the_answers_that_each_has_alone(tiny):
    inputs = [*TEXTS, {"text": "good"}, {"text": "good", "text_pair": "bad"}] * 20
    together = tiny.client.post("/v1/sentiment", json={"inputs": inputs}).json()
    assert len(together) == len(inputs)
    for item, predictions in zip(inputs[:7], together, strict=False):
        [alone] = tiny.client.post("/v1/sentiment", json={"inputs": item}).json()
        assert scores_of(alone) == pytest.approx(scores_of(predictions), abs=1e-5)


def test_a_pair_is_encoded_as_a_pair(tiny, tiny_models):
    body = {"inputs": {"text": "the film", "text_pair": "was good"}}
    [predictions] = tiny.client.post("/v1/sentiment", json=body).json()
    [logits] = reference_logits(tiny_models, "sentiment", "the film", "was good")
    expected = dict(zip(("negative", "positive"), softmax(logits[0]), strict=True))
    assert scores_of(predictions) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("parameters", [None, {}, {"top_k": None}, {"function_to_apply": None}])
def test_parameters_may_be_absent_or_empty(tiny, parameters):
    body = {"inputs": "good", "parameters": parameters}
    assert tiny.client.post("/v1/sentiment", json=body).json() == (
        tiny.client.post("/v1/sentiment", json={"inputs": "good"}).json()
    )


def test_top_k_and_function_to_apply(tiny, tiny_models):
    [logits] = reference_logits(tiny_models, "topics", "good")
    parameters = {"top_k": 2, "function_to_apply": "none"}
    body = {"inputs": "good", "parameters": parameters}
    [predictions] = tiny.client.post("/v1/classification", json=body).json()
    best = sorted(logits[0].tolist(), reverse=True)[:2]
    assert [item["score"] for item in predictions] == pytest.approx(best, abs=1e-4)


def test_an_integer_may_be_written_as_json_writes_numbers(tiny):
    content = b'{"inputs": "good", "parameters": {"top_k": 2.0}}'
    headers = {"Content-Type": "application/json"}
    answer = tiny.client.post("/v1/classification", content=content, headers=headers)
    assert len(answer.json()[0]) == 2


@pytest.mark.parametrize(
    ("model", "score"),
    [
        ("tags", lambda logits: 1 / (1 + np.exp(-logits))),
        ("one", lambda logits: 1 / (1 + np.exp(-logits))),
        ("stars", lambda logits: logits),
    ],
)
def test_a_model_by_name_applies_what_its_problem_type_asks(tiny, tiny_models, model, score):
    [predictions] = tiny.client.post(f"/v1/models/{model}", json={"inputs": "a good book"}).json()
    [logits] = reference_logits(tiny_models, model, "a good book")
    expected = sorted(score(logits[0].astype(float)).tolist(), reverse=True)
    assert [item["score"] for item in predictions] == pytest.approx(expected, abs=1e-5)


def test_a_long_text_is_answered_and_an_end_of_it_when_asked(tiny):
    text = "the film was good and " * 100
    scores = {}
    for truncation in ("window", "right", "left"):
        body = {"inputs": text, "parameters": {"truncation": truncation}}
        [predictions] = tiny.client.post("/v1/sentiment", json=body).json()
        scores[truncation] = scores_of(predictions)
        assert sum(scores[truncation].values()) == pytest.approx(1)
    assert scores["left"] != scores["right"]
    body = {"inputs": [text], "parameters": {"truncation": "error"}}
    refusal = tiny.client.post("/v1/sentiment", json=body)
    assert refusal.status_code == 422
    assert refusal.json()["errors"][0]["place"] == "inputs[0]"


CONTEXT = "The river runs to the sea 🎉 in the north. Ünder it lies the city of london, since 1843."


def test_an_answer_is_the_text_between_its_offsets(tiny):
    body = {"inputs": {"question": "where", "context": CONTEXT}}
    answer = tiny.client.post("/v1/question-answering", json=body).json()
    assert set(answer) == {"answer", "score", "start", "end"}
    assert CONTEXT[answer["start"] : answer["end"]] == answer["answer"] != ""


def test_the_best_span_is_that_of_the_files_logits(tiny, tiny_models):
    context = "the river runs to the sea"
    start, end = reference_logits(tiny_models, "qa", "where", context)
    encoding = Tokenizer.from_file(str(tiny_models / "qa/1/tokenizer.json")).encode(
        "where", context
    )
    inside = np.array(encoding.sequence_ids) == 1
    allowed = inside.copy()
    allowed[0] = True
    starts, ends = (softmax(np.where(allowed, logits[0], -1e9)) for logits in (start, end))
    spans = [
        (starts[i] * ends[j], encoding.offsets[i][0], encoding.offsets[j][1])
        for i in np.flatnonzero(inside)
        for j in np.flatnonzero(inside)
        if i <= j < i + 15
    ]
    parameters = {"top_k": 5, "align_to_words": False}
    body = {"inputs": {"question": "where", "context": context}, "parameters": parameters}
    answers = tiny.client.post("/v1/question-answering", json=body).json()
    best = max(spans)
    assert (answers[0]["start"], answers[0]["end"]) == best[1:]
    assert answers[0]["score"] == pytest.approx(best[0], abs=1e-5)


def test_several_answers_several_inputs_and_no_answer(tiny):
    one = {"question": "where", "context": CONTEXT}
    post = tiny.client.post
    three = post("/v1/question-answering", json={"inputs": one, "parameters": {"top_k": 3}}).json()
    assert [set(answer) for answer in three] == [{"answer", "score", "start", "end"}] * 3
    many = post("/v1/question-answering", json={"inputs": [one] * 3}).json()
    assert [answer["start"] for answer in many] == [three[0]["start"]] * 3
    parameters = {"top_k": 1000, "handle_impossible_answer": True}
    body = {"inputs": [one, one], "parameters": parameters}
    for answers in post("/v1/question-answering", json=body).json():
        assert [a for a in answers if a["answer"] == "" and a["start"] == a["end"] == 0]


def test_a_context_far_longer_than_the_window_is_searched_to_its_end(tiny):
    context = "the river runs to the sea. " * 400 + "she wrote the first program in 1843"
    parameters = {"top_k": 500, "doc_stride": 10, "max_seq_len": 48}
    body = {"inputs": {"question": "when", "context": context}, "parameters": parameters}
    answers = tiny.client.post("/v1/question-answering", json=body).json()
    assert all(context[a["start"] : a["end"]] == a["answer"] for a in answers)
    assert max(a["end"] for a in answers) > len(context) - 40


def test_the_models_are_described(tiny):
    models = {model["name"]: model for model in tiny.client.get("/v1/models").json()["models"]}
    assert set(models) == {"one", "qa", "sentiment", "stars", "tags", "topics"}
    topics = tiny.client.get("/v1/models/topics").json()
    assert topics == models["topics"]
    assert topics["labels"] == list(TOPICS)
    assert topics["status"] == "ready"
    assert topics["limits"]["max_tokens"] == 64
    assert topics["parity"]["max_logit_difference"] <= 1e-4
    assert [name for name in models if models[name]["default"]] == ["qa", "sentiment", "topics"]


def test_every_answer_carries_its_facts_in_headers(tiny):
    answer = tiny.client.post(
        "/v1/sentiment", json={"inputs": "good"}, headers={"X-Request-Id": "my id 7"}
    )
    assert answer.headers["X-Request-Id"] == "my id 7"
    assert answer.headers["X-Model"] == "sentiment"
    assert answer.headers["X-Model-Version"] == "1"
    assert answer.headers["X-Tokens"] == "3"
    stages = [part.split(";dur=") for part in answer.headers["Server-Timing"].split(", ")]
    assert {"tokenize", "queue", "inference"} <= {name for name, _ in stages}
    assert all(float(milliseconds) >= 0 for _, milliseconds in stages)


def test_the_documentation_describes_every_route(tiny):
    page = tiny.client.get("/docs")
    assert page.status_code == 200
    assert "oauth2" not in page.text  # which a page that asks for a key would offer
    assert tiny.client.get("/docs/oauth2-redirect").status_code == 404
    document = tiny.client.get("/openapi.json").json()
    tasks = ("classification", "question-answering", "sentiment")
    inference = {"/v1/models/{model}", *(f"/v1/{task}" for task in tasks)}
    assert set(document["paths"]) == {
        *inference,
        *(f"{route}/{beside}" for route in inference for beside in ("info", "health", "tokenize")),
        *(route.replace("/v1", "/v1/bulk") for route in inference),
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/metrics",
        "/v1/models",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/repository/index",
        *(
            f"/v2/models/{{model}}{version}{about}"
            for version in ("", "/versions/{version}")
            for about in ("", "/config", "/infer", "/ready")
        ),
    }
    schemas = document["components"]["schemas"]
    top_k = schemas["ClassificationParameters"]["properties"]["top_k"]["anyOf"][0]
    assert top_k == {"type": "integer", "minimum": 1, "maximum": 1_000_000}
    route = document["paths"]["/v1/sentiment"]["post"]
    assert set(route["responses"]) >= {"200", "400", "413", "415", "422", "429", "503", "504"}
    text = tiny.client.get("/openapi.json").text
    assert "HTTPValidationError" not in text
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]
