"""Windows, candidates, words and scores of question answering."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.tasks.errors import InputError
from service.tasks.question_answering import (
    QuestionAnsweringRequest,
    QuestionAnsweringTask,
    QuestionInput,
)

CONTEXT = "the river runs to the sea in the north"
QUESTION = "where"


@pytest.fixture
def task(encoder):
    return QuestionAnsweringTask(encoder, max_tokens=32)


def request(question=QUESTION, context=CONTEXT, **options):
    return QuestionAnsweringRequest([QuestionInput(question, (context,))], **options)


def logits_at(prepared, *spans, cls=-9.0):
    """Logits that are high exactly at the (first, last, height) context tokens of each window."""
    rows = []
    for contexts in prepared.plan.questions:
        for window in (window for context in contexts for window in context.windows):
            length = window.position + window.last - window.first + 1
            start = np.full(length, -9.0, dtype=np.float32)
            end = start.copy()
            start[0] = end[0] = cls
            for first, last, height in spans:
                if window.first <= first < window.last:
                    start[window.position + first - window.first] = height
                if window.first <= last < window.last:
                    end[window.position + last - window.first] = height
            rows.append((start, end))
    return rows


def answer(task, asked, *spans, **options):
    prepared = task.prepare(asked)
    return task.decode(prepared, logits_at(prepared, *spans, **options))[0]


def test_an_answer_is_a_span_of_the_context(task):
    [best] = answer(task, request(), (4, 5, 9.0))
    assert best.answer == CONTEXT[best.start : best.end]
    assert best.answer.strip() == "the sea"
    assert best.score == pytest.approx(1, abs=1e-3)


def test_top_k_gives_several_answers_best_first(task):
    answers = answer(task, request(top_k=3), (1, 1, 9.0), (8, 8, 8.0))
    assert len(answers) == 3
    assert [item.answer.strip() for item in answers[:1]] == ["river"]
    assert [item.score for item in answers] == sorted(
        (item.score for item in answers), reverse=True
    )


def test_fewer_answers_are_given_when_there_are_no_more(task):
    answers = answer(task, request(context="good film", top_k=50), (0, 0, 9.0))
    assert [item.answer.strip() for item in answers] == ["good", "good film", "film"]


def test_an_answer_is_no_longer_than_asked(task):
    [best] = answer(task, request(max_answer_len=2), (0, 8, 9.0))
    assert len(best.answer.split()) <= 2


def test_an_impossible_question_has_the_empty_answer_only_when_asked_for(task):
    [never] = answer(task, request(), (1, 1, 1.0), cls=9.0)
    [empty] = answer(task, request(handle_impossible_answer=True), (1, 1, 1.0), cls=9.0)
    assert never.answer != ""
    assert (empty.answer, empty.start, empty.end) == ("", 0, 0)
    assert empty.score == pytest.approx(1, abs=1e-2)


def test_answers_with_the_same_text_add_up(task):
    context = "the sea and The Sea"
    [best, *_] = answer(task, request(context=context, top_k=2), (0, 0, 5.0), (1, 1, 5.0))
    prepared = task.prepare(request(context=context))
    tokens = len(prepared.plan.questions[0][0].encoded)
    answers = answer(
        task, request(context="good or good"), (0, 0, 9.0), (tokens - 3, tokens - 3, 9)
    )
    assert best.score <= 1
    assert len({item.answer.lower() for item in answers}) == len(answers)


def test_a_span_grows_to_whole_words_unless_told_not_to(task):
    context = "the zebra runs"  # zebra is in pieces: one a letter
    whole = answer(task, request(context=context), (2, 2, 9.0))[0]
    pieces = answer(task, request(context=context, align_to_words=False), (2, 2, 9.0))[0]
    assert whole.answer.strip() == "zebra"
    assert len(pieces.answer.strip()) == 1


@pytest.mark.parametrize(
    ("options", "quickly"),
    [({}, True), ({"top_k": 1000}, False), ({"top_k": 20, "max_answer_len": 300}, False)],
)
def test_many_and_long_answers_are_known_to_take_long(task, options, quickly):
    assert task.is_decoded_quickly(request(**options)) is quickly


def test_a_long_context_is_answered_from_any_of_its_windows(task):
    context = " ".join([CONTEXT] * 12) + " she wrote the program in 1843"
    prepared = task.prepare(request(context=context))
    [plan] = prepared.plan.questions[0]
    assert len(plan.windows) > 3
    end = context.rindex("program") + 7
    token = [last for _, last in plan.encoded.offsets].index(end)
    best = answer(task, request(context=context), (token, token, 9.0))[0]
    assert best.answer.strip() == "program"
    assert best.end == end


def test_every_input_has_its_own_answers(task):
    asked = QuestionAnsweringRequest(
        [QuestionInput(QUESTION, (CONTEXT,)), QuestionInput(QUESTION, ("markets fell",))]
    )
    prepared = task.prepare(asked)
    results = task.decode(prepared, logits_at(prepared, (1, 1, 9.0)))
    assert [answers[0].answer.strip() for answers in results] == ["river", "fell"]


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"max_seq_len": 33}, "max_seq_len", "larger than the 32 tokens"),
        ({"max_seq_len": 4}, "max_seq_len", "must be at least 5"),
        ({"max_seq_len": 5, "question": "good bad"}, "question", "may have at most 1"),
        ({"doc_stride": 33}, "doc_stride", "larger than max_seq_len"),
        ({"doc_stride": 28, "context": CONTEXT * 9}, "doc_stride", "would not advance"),
        ({"question": "good " * 29}, "question", "may have at most 28"),
        ({"question": " "}, "question", "no words"),
        ({"context": "\n\t "}, "context", "no words"),
    ],
)
def test_what_cannot_be_asked_is_refused_naming_the_field(task, options, field, message):
    with pytest.raises(InputError, match=message) as refusal:
        task.prepare(request(**options))
    assert refusal.value.field == field


def test_the_smallest_window_has_a_token_of_the_question_and_one_of_the_context(task):
    prepared = task.prepare(request(question="good", max_seq_len=5))
    [[plan]] = prepared.plan.questions
    assert len(prepared.sequences) == len(plan.encoded) > 1
    assert {row.length for row in prepared.sequences} == {5}


def test_a_stride_that_is_not_needed_is_not_refused(task):
    assert len(task.prepare(request(doc_stride=30)).sequences) == 1


def test_a_long_question_leaves_smaller_steps_by_default(task):
    prepared = task.prepare(request(question="good " * 22, context=CONTEXT * 3))
    assert all(row.length <= 32 for row in prepared.sequences)


def test_a_context_of_several_is_refused_by_its_number(task):
    asked = QuestionAnsweringRequest([QuestionInput(QUESTION, ("good", " ", "bad"), several=True)])
    with pytest.raises(InputError, match="The context has no words") as refusal:
        task.prepare(asked)
    assert (refusal.value.index, refusal.value.field) == (0, "contexts[1]")


def test_every_context_is_estimated_and_counted(task):
    contexts = (CONTEXT, CONTEXT * 9)
    asked = QuestionAnsweringRequest([QuestionInput(QUESTION, contexts, several=True)])
    alone = [request(context=context) for context in contexts]
    # Alone the short one is one window: what its question has is guessed then, and not counted.
    assert task.estimate_lengths(asked) == pytest.approx(
        [length for one in alone for length in task.estimate_lengths(one)], abs=1
    )
    assert task.characters(asked) == sum(map(len, contexts)) + len(QUESTION)


def test_every_context_of_several_has_its_own_windows(task):
    contexts = (CONTEXT, CONTEXT * 9, "good")
    together = task.prepare(
        QuestionAnsweringRequest([QuestionInput(QUESTION, contexts, several=True)])
    )
    alone = [task.prepare(request(context=context)) for context in contexts]
    assert [row.fingerprint() for row in together.sequences] == [
        row.fingerprint() for one in alone for row in one.sequences
    ]


@given(st.text(min_size=1, max_size=300), st.integers(0, 2**32), st.booleans(), st.integers(1, 5))
@example("\U000112df", 0, True, 1)
def test_an_answer_is_always_the_text_between_its_offsets(encoder, context, seed, align, top_k):
    task = QuestionAnsweringTask(encoder, max_tokens=32)
    asked = request(context=context, align_to_words=align, top_k=top_k)
    if not context.strip():
        with pytest.raises(InputError, match="no words"):
            task.prepare(asked)
        return
    try:
        prepared = task.prepare(asked)
    except InputError:  # of characters that the tokenizer takes away
        assert not any(character.isascii() and character.isalnum() for character in context)
        return
    random = np.random.default_rng(seed)
    rows = [
        tuple(random.normal(0, 3, row.length).astype(np.float32) for _ in range(2))
        for row in prepared.sequences
    ]
    [answers] = task.decode(prepared, rows)
    assert 1 <= len(answers) <= top_k
    for item in answers:
        assert context[item.start : item.end] == item.answer
        assert item.score >= 0
