"""From question files to token rows: whole articles kept to validate on, answers put in tokens."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.tokenizer import CheckedTokenizer
from service.tasks.question_answering import DEFAULT_MAX_ANSWER_LEN
from training.datasets import Question
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.data_notes import counted, vocabulary_note
from training.own_data.question_files import PlacedQuestion, read_questions
from training.own_data.validation_split import held_out_questions
from training.rows import Row
from training.spans import LONGEST_QUESTION, EncodedText, encode_texts, span_rows, token_span

LEAST_QUESTIONS = 10
UNANSWERABLE_SHARE = 0.1
"""Of questions that are asked of another context too, where the data has none without an answer."""
OVERLAP_SHARE = 1 / 3
"""Of a window that the next one repeats, when a long context is searched."""


@dataclass(frozen=True, slots=True)
class QuestionFiles:
    """Where questions are."""

    data: tuple[Path, ...]
    validation: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class QuestionData:
    """What a reader is trained and validated on; ``encoded`` has each text of it.

    ``specials`` are the ids of [CLS] and [SEP]; ``notes`` are worth telling the data's owner.
    """

    training: tuple[Question, ...]
    validation: tuple[Question, ...]
    encoded: dict[str, EncodedText]
    specials: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def has_unanswerable(self) -> bool:
        """Whether a question of the training data has no answer."""
        return any(not question.answers for question in self.training)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a context with its question; ``first`` is the context's token that it begins at."""

    row: Row
    first: int


def load_questions(
    files: QuestionFiles, tokenizer: CheckedTokenizer, longest: int, bad: BadRows
) -> QuestionData:
    """The questions of the files; without validation files, a part of ``data`` is kept for that.

    DataError if there are too few of them.
    """
    found, given = read_questions(files.data, bad), read_questions(files.validation, bad)
    texts = {text for one in (*found, *given) for text in _texts(one.question)}
    encoded = encode_texts(texts, tokenizer.tokenizer)
    found = list(_findable(found, encoded, longest, bad))
    given = list(_findable(given, encoded, longest, bad))
    training = tuple(one.question for one in found)
    validation = tuple(one.question for one in given)
    if not given:
        training, validation = _split(training)
    _check_enough(training, validation)
    facts = tokenizer.facts
    contexts = [encoded[text].ids.tolist() for text in {one.context for one in training}]
    notes = (
        *vocabulary_note(contexts, facts.unk_token_id),
        *_long_questions(training, encoded),
        *_long_answers(training, encoded),
        *_shared_contexts(training, validation),
    )
    specials = (facts.cls_token_id, facts.sep_token_id)
    return QuestionData(training, validation, encoded, specials, notes)


def _split(questions: tuple[Question, ...]) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    held_out = held_out_questions(questions)
    return (
        tuple(one for place, one in enumerate(questions) if place not in held_out),
        tuple(one for place, one in enumerate(questions) if place in held_out),
    )


def _check_enough(training: Sequence[Question], validation: Sequence[Question]) -> None:
    count = len(training) + len(validation)
    if count < LEAST_QUESTIONS:
        raise DataError(f"there are {count} questions, at least {LEAST_QUESTIONS} are needed")
    if not training or not validation:
        raise DataError(
            "the questions are over too few contexts to keep some for validation: give --validation"
        )
    if not any(one.answers for one in training):
        raise DataError("no question has an answer")


def training_rows(data: QuestionData, longest: int, draw: random.Random) -> list[Row]:
    """The rows of an epoch: of each long context a window, at random, that holds the answer.

    Where no question of the data is without an answer, some are also asked of another context of
    their article, so that the model learns to say that there is none.
    """
    share = 0.0 if data.has_unanswerable else UNANSWERABLE_SHARE
    return span_rows(list(data.training), data.encoded, longest, share, draw, data.specials)


def windows(question: Question, data: QuestionData, longest: int) -> Iterator[Window]:
    """All of the question's context, in windows of at most ``longest`` tokens that overlap."""
    asked = data.encoded[question.question].ids[:LONGEST_QUESTION]
    context = data.encoded[question.context].ids
    room = longest - 3 - len(asked)
    step = room - int(room * OVERLAP_SHARE)
    cls, sep = data.specials
    first = 0
    while True:
        part = context[first : first + room]
        ids = np.concatenate([[cls], asked, [sep], part, [sep]])
        yield Window(Row(ids, len(asked) + 2, ()), first)
        if first + room >= len(context):
            return
        first += step


def _texts(question: Question) -> tuple[str, str]:
    return question.question, question.context


def _findable(
    questions: Sequence[PlacedQuestion],
    encoded: dict[str, EncodedText],
    longest: int,
    bad: BadRows,
) -> Iterator[PlacedQuestion]:
    """The questions of which each answer is made of tokens and fits in a window with them."""
    for one in questions:
        context = encoded[one.question.context]
        room = longest - 3 - min(LONGEST_QUESTION, len(encoded[one.question.question].ids))
        for start, text in one.question.answers:
            span = token_span(context.starts, context.ends, start, start + len(text.rstrip()))
            if span is None:
                bad.add(one.place, "the tokenizer keeps nothing of the answer", repr(text))
                break
            if span[1] - span[0] >= room:
                length = span[1] - span[0] + 1
                bad.add(
                    one.place,
                    "the answer is too long",
                    f"{length} tokens, {room} fit beside the question",
                )
                break
        else:
            yield one


def _long_questions(questions: Sequence[Question], encoded: dict[str, EncodedText]) -> list[str]:
    count = sum(len(encoded[one.question].ids) > LONGEST_QUESTION for one in questions)
    if not count:
        return []
    return [f"{counted(count, 'question is', 'questions are')} cut to {LONGEST_QUESTION} tokens"]


def _long_answers(questions: Sequence[Question], encoded: dict[str, EncodedText]) -> list[str]:
    count = 0
    for question in questions:
        context = encoded[question.context]
        for start, text in question.answers[:1]:
            inside = (context.starts < start + len(text)) & (context.ends > start)
            count += int(inside.sum()) > DEFAULT_MAX_ANSWER_LEN
    if not count:
        return []
    return [
        f"{counted(count, 'answer is', 'answers are')} longer than {DEFAULT_MAX_ANSWER_LEN} tokens:"
        " the service finds such only when asked with a larger max_answer_len, and the figures are "
        "taken without"
    ]


def _shared_contexts(training: Sequence[Question], validation: Sequence[Question]) -> list[str]:
    contexts = {one.context for one in training}
    count = sum(one.context in contexts for one in validation)
    if not count:
        return []
    return [
        f"{counted(count, 'validation question is', 'validation questions are')} over contexts "
        "that are trained on too: the figures flatter the model"
    ]
