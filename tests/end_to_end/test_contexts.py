"""Questions over several contexts, and one softmax over all windows, over a real socket."""

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.server import ServerProcess

ROUTE = "/v1/question-answering"
PASSAGES = [
    "The museum is open from nine to five. It is closed on Mondays.",
    "🎉 The treaty was signed in Lisbon\r\non 13 December 2007.",
    "The river rises in the north and runs to the sea.",
]
QUESTION = "Where was the treaty signed?"
LONG = " ".join(["The river rises in the north and runs to the sea."] * 60)


@pytest.fixture(scope="module")
def default_server():
    with ServerProcess(DEFAULT_MODELS) as server:
        yield server


@pytest.fixture
def ask(default_server):
    def ask(inputs, **parameters):
        body = {"inputs": inputs, "parameters": parameters}
        answer = default_server.client.post(ROUTE, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_the_passage_that_answers_is_found_and_named(ask):
    answer = ask({"question": QUESTION, "contexts": PASSAGES})
    assert set(answer) == {"answer", "score", "start", "end", "context_index"}
    assert answer["context_index"] == 1
    assert answer["answer"] == PASSAGES[1][answer["start"] : answer["end"]] == "Lisbon"


def test_all_answers_are_in_their_passages_and_share_one_probability(ask):
    answers = ask({"question": QUESTION, "contexts": PASSAGES}, top_k=500)
    for one in answers:
        assert PASSAGES[one["context_index"]][one["start"] : one["end"]] == one["answer"]
    assert {one["context_index"] for one in answers} == {0, 1, 2}
    scores = [one["score"] for one in answers]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) <= 1


def test_items_of_a_list_may_have_one_context_or_several(ask):
    one, several = (
        {"question": QUESTION, "context": PASSAGES[1]},
        {"question": QUESTION, "contexts": PASSAGES},
    )
    assert ask([one, several, one]) == [ask(one), ask(several), ask(one)]
    assert set(ask([one])[0]) == {"answer", "score", "start", "end"}


def test_the_empty_answer_is_in_no_passage(ask):
    answer = ask(
        {"question": "Who wrote the opera?", "contexts": [PASSAGES[0], PASSAGES[2]]},
        handle_impossible_answer=True,
        top_k=100,
    )
    [none] = [one for one in answer if one["answer"] == ""]
    assert (none["start"], none["end"], none["context_index"]) == (0, 0, None)


def test_one_context_has_the_scores_of_its_document(ask):
    document = ask({"question": QUESTION, "context": PASSAGES[1]}, normalization="document")
    one = ask({"question": QUESTION, "contexts": [PASSAGES[1]]})
    assert one == {**document, "context_index": 0}
    window = ask({"question": QUESTION, "context": PASSAGES[1]})
    assert document["score"] == pytest.approx(window["score"], abs=1e-6)
    assert window == ask({"question": QUESTION, "context": PASSAGES[1]}, normalization="window")


def test_a_long_document_has_one_probability(ask):
    item = {"question": "Where does the river rise?", "context": LONG}
    window = ask(item, top_k=100, max_seq_len=96)
    document = ask(item, top_k=100, max_seq_len=96, normalization="document")
    assert sum(one["score"] for one in window) > 1
    assert 0 < sum(one["score"] for one in document) <= 1
    for one in document:
        assert LONG[one["start"] : one["end"]] == one["answer"]


def test_contexts_are_tokenised_one_by_one(default_server):
    body = {"inputs": {"question": QUESTION, "contexts": PASSAGES}}
    counted = default_server.client.post(f"{ROUTE}/tokenize", json=body).json()
    [item] = counted["inputs"]
    assert [text["field"] for text in item["texts"]] == [
        "question",
        "contexts[0]",
        "contexts[1]",
        "contexts[2]",
    ]
    assert [window["field"] for window in item["windows"]] == [
        "contexts[0]",
        "contexts[1]",
        "contexts[2]",
    ]
    answer = default_server.client.post(ROUTE, json=body)
    assert answer.headers["X-Tokens"] == str(counted["token_count"])
