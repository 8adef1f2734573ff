"""Where in a long text the mood turns: the scores of its windows, from the default models."""

import itertools

import pytest

from tests.problems import check_problem

PRAISE = "A wonderful, moving film — the café scene 🎉 alone is worth the evening. "
BLAME = "Then it turns into a boring, badly acted mess, and an awful waste of time. "
REVIEW = PRAISE * 60 + BLAME * 60
WINDOWS = {"return_windows": True}


def ask(server, route, inputs, **parameters):
    answer = server.client.post(route, json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_reader_sees_where_the_mood_turns(served):
    [result] = ask(served, "/v1/sentiment", REVIEW, **WINDOWS)
    column = [item["label"] for item in result["labels"]].index("positive")
    positive = [window["scores"][column] for window in result["windows"]]
    assert len(positive) > 3
    assert positive[0] > 0.9
    assert positive[-1] < 0.1
    assert result["windows"][0]["start"] == 0
    assert result["windows"][-1]["end"] == len(REVIEW.rstrip())
    for before, after in itertools.pairwise(result["windows"]):
        assert before["start"] < after["start"] < before["end"] < after["end"]


def test_the_labels_are_the_mean_of_the_windows_by_their_tokens(served):
    [result] = ask(served, "/v1/sentiment", REVIEW, **WINDOWS)
    [plain] = ask(served, "/v1/sentiment", REVIEW)
    assert result["labels"] == [
        {"label": item["label"], "score": pytest.approx(item["score"], abs=1e-6)} for item in plain
    ]
    [cut] = served.client.post("/v1/sentiment/tokenize", json={"inputs": REVIEW}).json()["inputs"]
    assert [(window["start"], window["end"]) for window in cut["windows"]] == [
        (window["start"], window["end"]) for window in result["windows"]
    ]
    tokens = [window["last"] - window["first"] for window in cut["windows"]]
    for column, item in enumerate(result["labels"]):
        weighted = [
            count * window["scores"][column]
            for count, window in zip(tokens, result["windows"], strict=True)
        ]
        assert item["score"] == pytest.approx(sum(weighted) / sum(tokens))


def test_a_window_scores_what_its_characters_score_alone(served):
    [result] = ask(served, "/v1/sentiment", REVIEW, **WINDOWS)
    for window in result["windows"]:
        part = REVIEW[window["start"] : window["end"]]
        [alone] = ask(served, "/v1/sentiment", part, truncation="right")
        scores = {item["label"]: item["score"] for item in alone}
        assert window["scores"] == pytest.approx(
            [scores[item["label"]] for item in result["labels"]], abs=0.02
        )  # not exact: a window may begin within a word, whose rest has other tokens of its own


def test_short_texts_many_texts_and_pairs_have_their_windows(served):
    pair = {"text": "Great.", "text_pair": REVIEW}
    short, long, both = ask(served, "/v1/models/sentiment", ["Great.", REVIEW, pair], **WINDOWS)
    assert short["windows"] == [
        {
            "field": "text",
            "start": 0,
            "end": 6,
            "scores": [item["score"] for item in short["labels"]],
        }
    ]
    assert {window["field"] for window in long["windows"]} == {"text"}
    assert {window["field"] for window in both["windows"]} == {"text_pair"}


def test_what_is_kept_of_a_long_text_is_its_one_window(served):
    for truncation, kept in (("right", "start"), ("left", "end")):
        [result] = ask(served, "/v1/sentiment", REVIEW, truncation=truncation, **WINDOWS)
        [window] = result["windows"]
        assert window[kept] == (0 if kept == "start" else len(REVIEW.rstrip()))
        assert window["end"] - window["start"] < len(REVIEW) / 2


def test_labels_that_do_not_exclude_each_other_keep_their_largest_score(tiny):
    text = "the film was good and the book was bad " * 30
    [result] = ask(tiny, "/v1/models/tags", text, **WINDOWS)
    assert len(result["windows"]) > 3
    for column, item in enumerate(result["labels"]):
        assert item["score"] == max(window["scores"][column] for window in result["windows"])


def test_truncation_error_names_both_counts(tiny):
    body = {"inputs": ["good", "good " * 100], "parameters": {"truncation": "error"}}
    problem = check_problem(tiny.client.post("/v1/sentiment", json=body), 422)
    assert problem["errors"][0]["place"] == "inputs[1]"
    assert "has 101 tokens and the model takes 62 here" in problem["error"]


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
def test_return_windows_is_true_or_false(tiny, value):
    body = {"inputs": "good", "parameters": {"return_windows": value}}
    problem = check_problem(tiny.client.post("/v1/sentiment", json=body), 422)
    assert problem["errors"][0]["place"] == "parameters.return_windows"


@pytest.mark.parametrize("value", [False, None])
def test_without_it_the_answer_stays_a_list_of_lists(tiny, value):
    [labels] = ask(tiny, "/v1/sentiment", "good", return_windows=value)
    assert [set(item) for item in labels] == [{"label", "score"}] * 2
