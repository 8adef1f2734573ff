"""Extractive question answering: the spans of contexts, however long, that answer a question."""

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace

from service.runtime.sequence import Sequence
from service.runtime.session import Logits
from service.tasks.answers import (
    Answer,
    ContextPlan,
    ContextWindow,
    Normalization,
    Search,
    decode_answers,
)
from service.tasks.encoding import PAIR_SPECIAL_TOKENS, EncodedText, TextEncoder
from service.tasks.errors import InputError
from service.tasks.task import Prepared, estimate_rows
from service.tasks.tokenization import TextWindow, TokenizedInput
from service.tasks.windows import windows

DEFAULT_MAX_SEQ_LEN = 384
DEFAULT_DOC_STRIDE = 128
DEFAULT_MAX_ANSWER_LEN = 15
LEAST_SEQ_LEN = PAIR_SPECIAL_TOKENS + 2


@dataclass(frozen=True, slots=True)
class QuestionInput:
    """A question, and the one context, or the list of ``several``, to find its answers in.

    A list has one normalisation for all of its contexts, so that their scores compare.
    """

    question: str
    contexts: tuple[str, ...]
    several: bool = False

    @property
    def characters(self) -> int:
        """Code points of all its texts."""
        return len(self.question) + sum(map(len, self.contexts))

    def field(self, context_index: int) -> str:
        """Where a caller put that context."""
        return f"contexts[{context_index}]" if self.several else "context"


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
    normalization: Normalization = Normalization.WINDOW


@dataclass(frozen=True, slots=True)
class QuestionAnsweringPlan:
    """How to read the rows of a request: the contexts of each question."""

    request: QuestionAnsweringRequest
    questions: list[list[ContextPlan]]


class QuestionAnsweringTask:
    """Answers with one model."""

    def __init__(self, encoder: TextEncoder, *, max_tokens: int) -> None:
        self._encoder = encoder
        self._max_tokens = max_tokens

    def characters(self, request: QuestionAnsweringRequest) -> int:
        """Code points in all texts."""
        return sum(item.characters for item in request.inputs)

    def estimate_lengths(self, request: QuestionAnsweringRequest) -> list[int]:
        """About the rows' lengths in tokens."""
        row = min(request.max_seq_len or DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        return [
            length
            for item in request.inputs
            for context in item.contexts
            for length in estimate_rows(len(item.question) + len(context), row)
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
        texts = [text for item in request.inputs for text in (item.question, *item.contexts)]
        encoded = iter(self._encoder.encode(texts))
        questions: list[list[ContextPlan]] = []
        sequences: list[Sequence] = []
        for index, item in enumerate(request.inputs):
            question = next(encoded)
            _check_words(item.question, question, "question", index)
            capacity = max_seq_len - len(question) - PAIR_SPECIAL_TOKENS
            _check_room(index, len(question), capacity, max_seq_len)
            plans: list[ContextPlan] = []
            for number, (text, context) in enumerate(zip(item.contexts, encoded, strict=False)):
                _check_words(text, context, item.field(number), index)
                overlap = _overlap(doc_stride, max_seq_len, capacity, len(context))
                parts = windows(len(context), capacity, overlap)
                cut = [ContextWindow(*part, position=len(question) + 2) for part in parts]
                plans.append(ContextPlan(text, context, cut))
                sequences += [
                    self._encoder.pair(question.ids, context.ids[first:last])
                    for first, last in parts
                ]
            questions.append(plans)
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
            [contexts] = prepared.plan.questions
            cut = [
                TextWindow(item.field(number), window.first, window.last)
                for number, context in enumerate(contexts)
                for window in context.windows
            ]
            lengths = [sequence.length for sequence in prepared.sequences]
            texts = {item.field(number): context.encoded for number, context in enumerate(contexts)}
            yield TokenizedInput(
                {"question": question, **texts}, list(zip(cut, lengths, strict=True))
            )

    def decode(
        self, prepared: Prepared[QuestionAnsweringPlan], logits: Rows[Logits]
    ) -> list[list[Answer]]:
        """For each input its ``top_k`` best answers; fewer when there are no more."""
        request = prepared.plan.request
        search = Search(
            request.top_k,
            request.max_answer_len,
            request.handle_impossible_answer,
            request.align_to_words,
        )
        answers: list[list[Answer]] = []
        first = 0
        for item, contexts in zip(request.inputs, prepared.plan.questions, strict=True):
            normalization = Normalization.DOCUMENT if item.several else request.normalization
            last = first + sum(len(context.windows) for context in contexts)
            answers.append(decode_answers(contexts, logits[first:last], normalization, search))
            first = last
        return answers

    def _max_seq_len(self, request: QuestionAnsweringRequest) -> int:
        if request.max_seq_len is None:
            return min(DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        if request.max_seq_len > self._max_tokens:
            raise InputError(
                f"max_seq_len ({request.max_seq_len}) is larger than the {self._max_tokens} tokens "
                "that the model takes.",
                field="max_seq_len",
            )
        if request.max_seq_len < LEAST_SEQ_LEN:
            raise InputError(
                f"max_seq_len ({request.max_seq_len}) must be at least {LEAST_SEQ_LEN}, so that a "
                "token of the question and one of the context fit between the special ones.",
                field="max_seq_len",
            )
        return request.max_seq_len


def _check_words(text: str, encoded: EncodedText, field: str, index: int) -> None:
    """White space alone still makes a token, so the text is looked at as well."""
    if len(encoded) == 0 or not text.strip():
        name = field.partition("[")[0].removesuffix("s")
        raise InputError(f"The {name} has no words.", index=index, field=field)


def _check_room(index: int, question_tokens: int, capacity: int, max_seq_len: int) -> None:
    if capacity < 1:
        most = max_seq_len - PAIR_SPECIAL_TOKENS - 1
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
