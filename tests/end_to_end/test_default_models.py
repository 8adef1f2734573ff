"""The models that a fresh clone serves: whole, within their limits, and right on what anyone would
try first.
"""

import json
import subprocess

import pytest

from model_directory.catalogue import list_models
from model_directory.integrity import open_version
from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.server import ServerProcess

NAMES = ["intents", "question-answering", "sentiment", "topics"]
LARGEST_DIRECTORY_BYTES = 12_000_000


@pytest.fixture(scope="module")
def default_server():
    with ServerProcess(DEFAULT_MODELS, "--examples", capture_output=True) as server:
        yield server


def test_a_fresh_clone_has_four_models_with_measured_figures():
    entries = list_models(DEFAULT_MODELS)
    assert [entry.name for entry in entries] == NAMES
    for entry in entries:
        manifest = open_version(entry.directory).manifest
        assert manifest.evaluation
        assert manifest.parity.max_logit_difference <= 1e-4
        card = (entry.directory / "README.md").read_text(encoding="utf-8")
        assert all(figure.dataset in card for figure in manifest.evaluation)
        size = sum(file.stat().st_size for file in entry.directory.iterdir())
        assert size <= LARGEST_DIRECTORY_BYTES


def test_the_service_is_ready_with_all_of_them(default_server):
    assert default_server.client.get("/health/ready").json() == {"status": "ok", "reasons": []}
    described = default_server.client.get("/v1/models").json()["models"]
    assert [(model["name"], model["status"]) for model in described] == [
        (name, "ready") for name in NAMES
    ]


def test_the_printed_curl_lines_work_when_pasted(default_server):
    lines = [line for line in default_server.printed() if line.startswith("curl ")]
    assert len(lines) == 3
    answers = []
    for line in lines:
        process = subprocess.run(
            line, shell=True, capture_output=True, text=True, timeout=60, check=True
        )
        assert process.stdout.endswith("\n")
        answers.append(json.loads(process.stdout))
    sentiment, topic, answer = answers
    assert sentiment[0][0]["label"] == "positive"
    assert topic[0][0]["label"] == "Sports"
    assert answer["answer"] == "Lisbon"


def test_the_readme_shows_the_lines_that_are_printed(default_server):
    readme = (DEFAULT_MODELS.parent / "README.md").read_text(encoding="utf-8")
    for line in default_server.printed():
        if line.startswith("curl "):
            assert line.replace(default_server.url, "http://127.0.0.1:8000") in readme


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this film.", "positive"),
        ("A wonderful, moving story with great acting.", "positive"),
        ("Terrible. A boring waste of time.", "negative"),
        ("The food was awful and the staff were rude.", "negative"),
    ],
)
def test_plain_sentiment_is_right(default_server, text, label):
    [predictions] = default_server.client.post("/v1/sentiment", json={"inputs": text}).json()
    assert predictions[0]["label"] == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Manchester United beat Chelsea 2-1 to win the league title.", "Sports"),
        ("Shares fell as the oil company reported lower quarterly profits.", "Business"),
        ("Microsoft released a new version of its Windows software on the internet.", "Sci/Tech"),
        ("The prime minister met the president of Iraq for peace talks in Baghdad.", "World"),
    ],
)
def test_plain_topics_are_right(default_server, text, label):
    body = {"inputs": text, "parameters": {"top_k": 1}}
    [[prediction]] = default_server.client.post("/v1/classification", json=body).json()
    assert prediction["label"] == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("what's the weather going to be like tomorrow", "weather"),
        ("set a timer for ten minutes", "timer"),
        ("how do you say thank you in french", "translate"),
        ("i lost my credit card and need to report it", "report_lost_card"),
    ],
)
def test_plain_intents_are_right(default_server, text, label):
    body = {"inputs": text, "parameters": {"top_k": 1}}
    [[prediction]] = default_server.client.post("/v1/models/intents", json=body).json()
    assert prediction["label"] == label


def test_a_denied_praise_is_negative_and_a_fact_is_neither(default_server):
    texts = ["The film was not good.", "The train to Leeds leaves from platform four."]
    denied, fact = default_server.client.post("/v1/sentiment", json={"inputs": texts}).json()
    assert denied[0]["label"] == "negative"
    assert fact[0]["score"] < 0.8
