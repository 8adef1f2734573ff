"""Extractive question answering: the spans of a context, however long, that answer a question."""

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace

import numpy as np

from service.runtime.sequence import Sequence
from service.runtime.session import Logits
from service.tasks.encoding import PAIR_SPECIAL_TOKENS, EncodedText, TextEncoder
from service.tasks.errors import InputError
from service.tasks.spans import best_spans, window_probabilities
from service.tasks.task import Prepared, estimate_rows
from service.tasks.tokenization import TextWindow, TokenizedInput
from service.tasks.windows import windows

DEFAULT_MAX_SEQ_LEN = 384
DEFAULT_DOC_STRIDE = 128
DEFAULT_MAX_ANSWER_LEN = 15


@dataclass(frozen=True, slots=True)
class QuestionInput:
    """A question and the context to find its answer in."""

    question: str
    context: str


@dataclass(frozen=True, slots=True)
class QuestionAnsweringRequest:
    """Questions that share parameters, named and defaulting as in Hugging Face's pipeline; lengths
    are in tokens.
    """

    inputs: Rows[QuestionInput]
    top_k: int = 1
    doc_stride: int | None = None
    max_answer_len: int = DEFAULT_MAX_ANSWER_LEN
    max_seq_len: int | None = None
    handle_impossible_answer: bool = False
    align_to_words: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A span ``context[start:end] == answer``, in code points; the empty answer at 0–0 means that
    there is none.
    """

    answer: str
    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContextWindow:
    """Tokens ``first … last - 1`` of a context, and where they begin in their row."""

    first: int
    last: int
    position: int


@dataclass(frozen=True, slots=True)
class QuestionPlan:
    """The windows of one context, one row each."""

    text: str
    context: EncodedText
    windows: list[ContextWindow]


@dataclass(frozen=True, slots=True)
class QuestionAnsweringPlan:
    """How to read the rows of a request."""

    request: QuestionAnsweringRequest
    questions: list[QuestionPlan]


class QuestionAnsweringTask:
    """Answers with one model."""

    def __init__(self, encoder: TextEncoder, *, max_tokens: int) -> None:
        self._encoder = encoder
        self._max_tokens = max_tokens

    def characters(self, request: QuestionAnsweringRequest) -> int:
        """Code points in all texts."""
        return sum(len(item.question) + len(item.context) for item in request.inputs)

    def estimate_lengths(self, request: QuestionAnsweringRequest) -> list[int]:
        """About the rows' lengths in tokens."""
        row = min(request.max_seq_len or DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        return [
            length
            for item in request.inputs
            for length in estimate_rows(len(item.question) + len(item.context), row)
        ]

    def prepare(self, request: QuestionAnsweringRequest) -> Prepared[QuestionAnsweringPlan]:
        """A row for each window of each context. Raises InputError."""
        max_seq_len = self._max_seq_len(request)
        doc_stride = request.doc_stride
        if doc_stride is not None and doc_stride > max_seq_len:
            raise InputError(
                f"doc_stride ({doc_stride}) is larger than max_seq_len ({max_seq_len}).",
                field="doc_stride",
            )
        texts = [text for item in request.inputs for text in (item.question, item.context)]
        encoded = self._encoder.encode(texts)
        questions: list[QuestionPlan] = []
        sequences: list[Sequence] = []
        for index, item in enumerate(request.inputs):
            question, context = encoded[2 * index], encoded[2 * index + 1]
            capacity = max_seq_len - len(question.ids) - PAIR_SPECIAL_TOKENS
            _check_words(index, item, question, context)
            _check_room(index, len(question.ids), capacity, max_seq_len)
            overlap = _overlap(doc_stride, max_seq_len, capacity, len(context))
            position = len(question.ids) + 2
            plan = QuestionPlan(item.context, context, [])
            for first, last in windows(len(context), capacity, overlap):
                plan.windows.append(ContextWindow(first, last, position))
                sequences.append(self._encoder.pair(question.ids, context.ids[first:last]))
            questions.append(plan)
        return Prepared(sequences, QuestionAnsweringPlan(request, questions))

    def tokenize(self, request: QuestionAnsweringRequest) -> Iterator[TokenizedInput]:
        """What ``prepare`` makes of each input. Raises InputError on the way."""
        for index, item in enumerate(request.inputs):
            try:
                prepared = self.prepare(replace(request, inputs=[item]))
            except InputError as error:
                place = None if error.index is None else index
                raise InputError(error.message, field=error.field, index=place) from error
            [question] = self._encoder.encode([item.question])
            [plan] = prepared.plan.questions
            cut = [TextWindow("context", window.first, window.last) for window in plan.windows]
            lengths = [sequence.length for sequence in prepared.sequences]
            yield TokenizedInput(
                {"question": question, "context": plan.context},
                list(zip(cut, lengths, strict=True)),
            )

    def decode(
        self, prepared: Prepared[QuestionAnsweringPlan], logits: Rows[Logits]
    ) -> list[list[Answer]]:
        """For each input its ``top_k`` best answers; fewer when there are no more."""
        rows = iter(logits)
        return [
            decode_answers(question, [next(rows) for _ in question.windows], prepared.plan.request)
            for question in prepared.plan.questions
        ]

    def _max_seq_len(self, request: QuestionAnsweringRequest) -> int:
        if request.max_seq_len is None:
            return min(DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        if request.max_seq_len > self._max_tokens:
            raise InputError(
                f"max_seq_len ({request.max_seq_len}) is larger than the {self._max_tokens} tokens "
                "that the model takes.",
                field="max_seq_len",
            )
        return request.max_seq_len


def _check_words(
    index: int, item: QuestionInput, question: EncodedText, context: EncodedText
) -> None:
    """White space alone still makes a token, so the text is looked at as well."""
    if len(question) == 0 or not item.question.strip():
        raise InputError("The question has no words.", index=index, field="question")
    if len(context) == 0 or not item.context.strip():
        raise InputError("The context has no words.", index=index, field="context")


def _check_room(index: int, question_tokens: int, capacity: int, max_seq_len: int) -> None:
    if capacity < 1:
        most = max(0, max_seq_len - PAIR_SPECIAL_TOKENS - 1)
        raise InputError(
            f"The question has {question_tokens} tokens; with max_seq_len {max_seq_len} it may "
            f"have at most {most}, so that some context fits beside it.",
            index=index,
            field="question",
        )


def _overlap(doc_stride: int | None, max_seq_len: int, capacity: int, context_tokens: int) -> int:
    """Tokens that neighbouring windows share.

    Hugging Face's default, the smaller of 128 and half of ``max_seq_len``, gives windows that never
    advance when a long question leaves less room than that; the default then shrinks to half of the
    room. A stride that was asked for is kept or refused, never changed.
    """
    if doc_stride is None:
        default = min(DEFAULT_DOC_STRIDE, max_seq_len // 2)
        return default if default < capacity else capacity // 2
    if doc_stride >= capacity:
        if context_tokens <= capacity:
            return 0  # one window: nothing overlaps
        raise InputError(
            f"doc_stride ({doc_stride}) must be smaller than the {capacity} context tokens that "
            "fit beside the question, or the windows would not advance.",
            field="doc_stride",
        )
    return doc_stride


def decode_answers(
    question: QuestionPlan, logits: Rows[Logits], request: QuestionAnsweringRequest
) -> list[Answer]:
    """The best answers over all windows of one context.

    ``logits``: for each window ``(start, end)``, float32 ``[row length]``. Candidates of all
    windows whose lower-cased text is the same are one answer, with the first one's offsets and the
    sum of the scores.
    """
    wanted = request.top_k * 2 + 10 if request.align_to_words else request.top_k
    word_first, word_last = _word_bounds(question.context)
    answers: dict[str, Answer] = {}
    null_score = np.inf
    for window, (start_logits, end_logits) in zip(question.windows, logits, strict=True):
        row = slice(window.position, window.position + window.last - window.first)
        probabilities = window_probabilities(start_logits, end_logits, row.start, row.stop)
        null_score = min(null_score, probabilities.null_score)
        spans = best_spans(
            probabilities.start[row], probabilities.end[row], request.max_answer_len, wanted
        )
        for first, last, score in spans:
            first_token, last_token = window.first + first, window.first + last
            if request.align_to_words:
                # A word that a window's edge cuts is only as long as the window shows it.
                first_token = max(window.first, word_first[first_token])
                last_token = min(window.last - 1, word_last[last_token])
            begin, end = question.context.characters(first_token, last_token)
            text = question.text[begin:end]
            known = answers.get(text.lower())
            if known is None:
                answers[text.lower()] = Answer(text, score, begin, end)
            else:
                answers[text.lower()] = Answer(
                    known.answer, known.score + score, known.start, known.end
                )
    found = list(answers.values())
    if request.handle_impossible_answer:
        found.append(Answer("", float(null_score), 0, 0))
    return sorted(found, key=lambda answer: answer.score, reverse=True)[: request.top_k]


def _word_bounds(context: EncodedText) -> tuple[list[int], list[int]]:
    """For each token the first and the last token of its word; the token itself where it has no
    word.
    """
    words = context.word_ids
    tokens = np.arange(len(words))
    begins = np.ones(len(words), dtype=bool)
    begins[1:] = (words[1:] != words[:-1]) | (words[1:] < 0)
    group = np.cumsum(begins) - 1
    first = tokens[begins]
    last = np.append(first[1:], len(words)) - 1
    return first[group].tolist(), last[group].tolist()
