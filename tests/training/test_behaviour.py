import itertools
import os
import re
import string
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_directory.manifest import Task
from service.runtime.sequence import Sequence
from service.tasks.answers import Answer
from service.tasks.classification import Prediction
from service.tasks.task import Prepared
from training.behaviour.cases import (
    Asked,
    Capability,
    Case,
    Kind,
    NotLower,
    OneOf,
    Outcome,
    Same,
    Suite,
    Undecided,
)
from training.behaviour.intent_sentences import SENTENCES
from training.behaviour.intents import OUT_OF_SCOPE_LABEL, intents_suite
from training.behaviour.question_answering import question_answering_suite
from training.behaviour.score import score, tallies
from training.behaviour.sentiment import sentiment_suite
from training.behaviour.slips import with_slips
from training.behaviour.suites import suite_of
from training.behaviour.templates import drawn, expand, in_writing
from training.behaviour.topics import topics_suite
from training.datasets import OUT_OF_SCOPE, SENTIMENT_LABELS, TOPIC_LABELS
from training.made_sentences import ASSERTIONS, NEGATIONS, SUBJECTS
from training.metrics import normalised_answer

SUITES = {
    "sentiment": sentiment_suite,
    "topics": topics_suite,
    "intents": intents_suite,
    "question-answering": question_answering_suite,
}
CAPABILITY = Capability("a thing", Kind.MINIMUM_FUNCTIONALITY, "it is done")


def texts_of(suite: Suite) -> list[str]:
    texts = []
    for case in suite.cases:
        for each in case.inputs:
            texts += [each.question, each.context] if isinstance(each, Asked) else [each]
    return texts


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_is_broad(name: str) -> None:
    cases = SUITES[name]().cases
    assert len(cases) >= 1_000
    assert len({(case.capability, case.template) for case in cases}) >= 20
    kinds = {case.capability.kind for case in cases}
    assert {Kind.MINIMUM_FUNCTIONALITY, Kind.INVARIANCE} <= kinds
    assert len({(case.capability, case.inputs) for case in cases}) == len(cases), "a case repeats"


@pytest.mark.parametrize("name", SUITES)
def test_no_gap_is_left_open_and_nothing_is_doubled(name: str) -> None:
    for text in texts_of(SUITES[name]()):
        assert not set("{}") & set(text), text
        assert not re.search(r"\b(\w+) \1\b", text.lower()), text
        assert not re.search(r"\ba [aeio]", text), text
        assert text.strip() == text


ASKED = """
from tests.training.test_behaviour import SUITES
for make in SUITES.values():
    for case in make().cases:
        print(case.capability.name, case.template, case.inputs)
"""


def test_suites_are_the_same_in_every_process() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", ASKED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("sentiment", SENTIMENT_LABELS),
        ("topics", TOPIC_LABELS),
        ("intents", (*SENTENCES, OUT_OF_SCOPE)),
    ],
)
def test_only_labels_of_the_model_are_expected(name: str, labels: tuple[str, ...]) -> None:
    expected = {
        answer
        for case in SUITES[name]().cases
        if isinstance(case.expectation, OneOf)
        for answer in case.expectation.answers
    }
    assert expected == set(labels)


@pytest.mark.parametrize("name", ["sentiment", "topics", "intents"])
def test_no_single_label_gets_far(name: str) -> None:
    expected = [
        next(iter(case.expectation.answers))
        for case in SUITES[name]().cases
        if isinstance(case.expectation, OneOf)
    ]
    commonest = max(expected.count(label) for label in set(expected))
    assert commonest / len(expected) < 0.6


def test_every_intent_has_three_sentences_and_the_suite_knows_150() -> None:
    assert len(SENTENCES) == 150
    assert all(len(sentences) >= 3 for sentences in SENTENCES.values())
    assert OUT_OF_SCOPE_LABEL == OUT_OF_SCOPE


def test_every_expected_answer_stands_in_its_context() -> None:
    answerable = 0
    for case in question_answering_suite().cases:
        if isinstance(case.expectation, OneOf) and "" not in case.expectation.answers:
            (asked,) = case.inputs
            assert isinstance(asked, Asked)
            context = f" {normalised_answer(asked.context)} "
            assert any(f" {answer} " in context for answer in case.expectation.answers), case
            answerable += 1
    assert answerable > 800


def test_a_missing_answer_is_only_expected_where_it_may_be_missing() -> None:
    missing = [
        case
        for case in question_answering_suite().cases
        if isinstance(case.expectation, OneOf) and "" in case.expectation.answers
    ]
    assert len(missing) > 100
    for case in missing:
        assert all(isinstance(each, Asked) and each.may_be_impossible for each in case.inputs)


def test_no_sentence_made_for_training_can_be_one_of_the_suite() -> None:
    made = [
        re.compile(
            re.escape(pattern).replace(r"\{subject\}", subject).replace(r"\{word\}", "[a-z]+")
        )
        for pattern in (*NEGATIONS, *ASSERTIONS)
        for subject in SUBJECTS
    ]
    assert any(each.fullmatch("the film was not good") for each in made)
    for text in texts_of(sentiment_suite()):
        plain = text.lower().rstrip(".!")
        assert not any(each.fullmatch(plain) for each in made), text


def test_long_reviews_are_long() -> None:
    reviews = [
        case.inputs[0]
        for case in sentiment_suite().cases
        if case.capability.name.startswith("verdict at the end")
    ]
    assert len(reviews) >= 100
    assert all(isinstance(review, str) and 190 <= len(review.split()) <= 400 for review in reviews)


def test_invariant_cases_really_differ() -> None:
    for make in SUITES.values():
        for case in make().cases:
            if isinstance(case.expectation, Same):
                assert len(set(case.inputs)) == len(case.inputs) > 1, case


@dataclass(frozen=True)
class Thing:
    noun: str
    adj: str


def test_templates_are_filled_with_the_same_words_side_by_side() -> None:
    things = [Thing("egg", "old"), Thing("bun", "new")]
    assert expand(("a {it.noun}", "not a {it.adj} {it.noun}"), 9, it=things) == [
        ("An egg", "Not an old egg"),
        ("A bun", "Not a new bun"),
    ]
    assert expand("{a}{b}", 9, a="xy", b="12") == ["X1", "X2", "Y1", "Y2"]


def test_which_fillings_are_drawn_does_not_depend_on_their_order() -> None:
    numbers = [str(number) for number in range(50)]
    some = expand("no. {n}", 7, n=numbers)
    assert len(some) == 7
    assert sorted(expand("no. {n}", 7, n=numbers[::-1])) == sorted(some)
    assert drawn(numbers, 50) == numbers


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a apple. a uniform! an hour", "An apple. A uniform! An hour"),
        ("i saw a old man? yes", "I saw an old man? Yes"),
        ("at 3.15 pm a", "At 3.15 pm a"),
    ],
)
def test_writing(text: str, written: str) -> None:
    assert in_writing(text) == written


def distance(one: str, other: str) -> int:
    """Damerau's: letters left out, put in, replaced, or two neighbours swapped."""
    rows = [list(range(len(other) + 1))]
    for i, j in itertools.product(range(1, len(one) + 1), range(len(other) + 1)):
        if j == 0:
            rows.append([i])
            continue
        cost = rows[i - 1][j - 1] + (one[i - 1] != other[j - 1])
        best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, cost)
        if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            best = min(best, rows[i - 2][j - 2] + 1)
        rows[i].append(best)
    return rows[-1][-1]


@given(
    st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=9), min_size=1, max_size=6),
    st.integers(0, 3),
)
def test_a_slip_is_one_letter_of_a_long_word(words: list[str], slips: int) -> None:
    text = " ".join(words)
    slipped = with_slips(text, slips)
    assert slipped == with_slips(text, slips)
    pairs = list(zip(words, slipped.split(" "), strict=True))
    changed = [(before, after) for before, after in pairs if before != after]
    assert len(changed) == min(slips, sum(len(word) >= 5 for word in words))
    for before, after in changed:
        assert len(before) >= 5
        assert before[0] == after[0]
        assert distance(before, after) == 1


def outcome(**scores: float) -> Outcome:
    return Outcome(max(scores, key=lambda label: scores[label]), scores)


def test_expectations() -> None:
    sure, unsure = outcome(good=0.95, bad=0.05), outcome(good=0.6, bad=0.4)
    worse = outcome(good=0.3, bad=0.7)
    assert OneOf(frozenset({"good"})).holds([sure, unsure])
    assert not OneOf(frozenset({"good"})).holds([sure, worse])
    assert Same().holds([sure, unsure])
    assert not Same().holds([unsure, worse])
    assert NotLower("good", 0.0).holds([worse, unsure, sure])
    assert not NotLower("good", 0.1).holds([worse, sure, unsure])
    assert NotLower("good", 0.4).holds([sure, unsure])
    assert Undecided(0.7).holds([unsure, worse])
    assert not Undecided(0.69).holds([unsure, worse])


class Stub:
    """A model that knows one word, or one answer; it counts what it is asked."""

    def __init__(self, task: Task) -> None:
        self.asked: list[Any] = []
        self.task = self
        self.session = SimpleNamespace(run=lambda rows: [])
        self.manifest = SimpleNamespace(task=task, labels=())

    def prepare(self, request: Any) -> Prepared[Any]:
        self.asked += request.inputs
        return Prepared(list[Sequence](), request)

    def decode(self, prepared: Prepared[Any], logits: Any) -> list[Any]:
        request = prepared.plan
        if self.manifest.task is Task.QUESTION_ANSWERING:
            none = Answer("", 0.9, 0, 0)
            some = Answer("The Ankle!", 0.4, 0, 9)
            return [[none if request.handle_impossible_answer else some] for _ in request.inputs]
        ranked = [Prediction("good", 0.8), Prediction("bad", 0.2)]
        return [ranked if "nice" in one.text else ranked[::-1] for one in request.inputs]


def test_scoring_counts_what_is_passed_and_asks_each_input_once() -> None:
    suite = Suite()
    good, other = OneOf(frozenset({"good"})), Capability("another", Kind.INVARIANCE, "same")
    suite.add(CAPABILITY, "t", [("nice",), ("awful",), ("a nice day",)], good)
    suite.add(other, "u", [("nice", "awful"), ("awful", "bad")], Same())
    stub: Any = Stub(Task.SENTIMENT)
    results = score(stub, suite.cases)
    assert [result.passed for result in results] == [True, False, True, False, True]
    counted = [(each.capability.name, each.passed, each.total) for each in tallies(results)]
    assert counted == [("a thing", 2, 3), ("another", 1, 2)]
    assert tallies(results)[0].share == pytest.approx(2 / 3)
    assert len(stub.asked) == 4


def test_questions_are_asked_as_their_case_says_and_answers_normalised() -> None:
    must, may = Asked("What?", "The Ankle!"), Asked("What?", "The Ankle!", True)
    cases = [
        Case(CAPABILITY, "t", (must,), OneOf(frozenset({"ankle"}))),
        Case(CAPABILITY, "t", (may,), OneOf(frozenset({"ankle"}))),
        Case(CAPABILITY, "t", (may,), OneOf(frozenset({""}))),
    ]
    stub: Any = Stub(Task.QUESTION_ANSWERING)
    results = score(stub, cases)
    assert [result.passed for result in results] == [True, False, True]
    assert results[0].outcomes[0].score == 0.4


def test_a_suite_is_found_by_task_and_labels() -> None:
    def manifest(task: Task, labels: tuple[str, ...]) -> Any:
        return SimpleNamespace(task=task, labels=labels)

    for task, labels, name in (
        (Task.QUESTION_ANSWERING, (), "question-answering"),
        (Task.SENTIMENT, SENTIMENT_LABELS, "sentiment"),
        (Task.CLASSIFICATION, TOPIC_LABELS[::-1], "topics"),
        (Task.CLASSIFICATION, ("balance", OUT_OF_SCOPE), "intents"),
    ):
        assert suite_of(manifest(task, labels)).cases == SUITES[name]().cases
    with pytest.raises(ValueError, match="cat, dog"):
        suite_of(manifest(Task.CLASSIFICATION, ("cat", "dog")))
