"""Extractive question answering: the spans of contexts, however long, that answer a question."""

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from itertools import islice

from service.runtime.session import Logits
from service.tasks.answers import (
    Answer,
    ContextPlan,
    ContextWindow,
    Normalization,
    Search,
    decode_answers,
)
from service.tasks.encoding import (
    PAIR_SPECIAL_TOKENS,
    EncodedText,
    TextEncoder,
    characters_read,
)
from service.tasks.errors import InputError
from service.tasks.task import Prepared, estimate_rows, estimate_tokens
from service.tasks.tokenization import TextWindow, TokenizedInput
from service.tasks.window_limit import MOST_WINDOWS, WindowLimit
from service.tasks.windows import count_windows, windows

DEFAULT_MAX_SEQ_LEN = 384
DEFAULT_DOC_STRIDE = 128
DEFAULT_MAX_ANSWER_LEN = 15
QUICK_SPANS = 2_000
"""Tokens of all answers that are asked for: six rows are decoded in 2 ms then, and in 47 for 1,000
answers of 300 tokens."""
LEAST_SEQ_LEN = PAIR_SPECIAL_TOKENS + 2
COUNTED_CHARACTERS = 4_000
"""Of a request's questions, whose tokens are counted for the estimate at about 0.1 ms per 1,000."""

FEWER_WINDOWS = (
    "a smaller doc_stride, a larger max_seq_len or a shorter question makes fewer, "
    "as do fewer or shorter contexts in one request"
)


@dataclass(frozen=True, slots=True)
class QuestionInput:
    """A question, and the one context, or the list of ``several``, to find its answers in.

    A list has one normalisation for all of its contexts, so that their scores compare.
    """

    question: str
    contexts: tuple[str, ...]
    several: bool = False

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
    most_windows: int = MOST_WINDOWS


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
        """Code points in all texts, as the tokenizer reads them."""
        return characters_read(
            text for item in request.inputs for text in (item.question, *item.contexts)
        )

    def estimate_lengths(self, request: QuestionAnsweringRequest) -> list[int]:
        """About the rows' lengths in tokens. What is sure to be refused has one row."""
        row = min(request.max_seq_len or DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        lengths: list[int] = []
        for item, question in self._estimate_questions(request, row):
            beside = question + PAIR_SPECIAL_TOKENS
            capacity = row - beside
            overlap = _overlap(request.doc_stride, row, capacity)
            for tokens in map(estimate_tokens, item.contexts):
                if overlap < capacity:
                    lengths += estimate_rows(
                        tokens, capacity, overlap, beside, request.most_windows
                    )
                else:
                    lengths.append(min(tokens + beside, row))
            if len(lengths) >= request.most_windows:
                break
        return lengths

    def _estimate_questions(
        self, request: QuestionAnsweringRequest, row: int
    ) -> Iterator[tuple[QuestionInput, int]]:
        """Each input, and about the tokens of its question.

        Where a context is cut they decide, with ``doc_stride``, how far each window advances, which
        may be a single token: they are counted then, as far as that costs little. What is not
        counted is taken to leave half of the room at least.
        """
        counted: dict[str, int] = {}
        left = COUNTED_CHARACTERS
        for item in request.inputs:
            question = item.question
            tokens = estimate_tokens(question)
            longest = max(map(estimate_tokens, item.contexts), default=0)
            is_cut = tokens + longest + PAIR_SPECIAL_TOKENS > row
            if is_cut and question not in counted and len(question) <= left:
                left -= len(question)
                counted[question] = len(self._encoder.encode([question])[0])
            yield item, counted.get(question, min(tokens, (row - PAIR_SPECIAL_TOKENS) // 2))

    def prepare(self, request: QuestionAnsweringRequest) -> Prepared[QuestionAnsweringPlan]:
        """A row for each window of each context. Raises InputError."""
        max_seq_len = self._max_seq_len(request)
        texts = [text for item in request.inputs for text in (item.question, *item.contexts)]
        encoded = iter(self._encoder.encode(texts))
        limit = WindowLimit(request.most_windows)
        questions: list[EncodedText] = []
        plans: list[list[ContextPlan]] = []
        for index, item in enumerate(request.inputs):
            question, *contexts = islice(encoded, 1 + len(item.contexts))
            questions.append(question)
            plans.append(self._plan(request, index, question, contexts, max_seq_len, limit))
        sequences = [
            self._encoder.pair(question.ids, context.encoded.ids[window.first : window.last])
            for question, contexts in zip(questions, plans, strict=True)
            for context in contexts
            for window in context.windows
        ]
        return Prepared(sequences, QuestionAnsweringPlan(request, plans))

    def tokenize(self, request: QuestionAnsweringRequest) -> Iterator[TokenizedInput]:
        """What ``prepare`` makes of each input. Raises InputError on the way."""
        max_seq_len = self._max_seq_len(request)
        limit = WindowLimit(request.most_windows)
        for index, item in enumerate(request.inputs):
            question, *contexts = self._encoder.encode([item.question, *item.contexts])
            plans = self._plan(request, index, question, contexts, max_seq_len, limit)
            texts = {item.field(number): context for number, context in enumerate(contexts)}
            cut = [
                (TextWindow(field, window.first, window.last), window.row_length)
                for field, plan in zip(texts, plans, strict=True)
                for window in plan.windows
            ]
            yield TokenizedInput({"question": question, **texts}, cut)

    def _plan(
        self,
        request: QuestionAnsweringRequest,
        index: int,
        question: EncodedText,
        contexts: Rows[EncodedText],
        max_seq_len: int,
        limit: WindowLimit,
    ) -> list[ContextPlan]:
        """The windows of the contexts of input ``index``, counted against ``limit``. Raises
        InputError.
        """
        item = request.inputs[index]
        _check_words(item.question, question, "question", index)
        beside = len(question) + PAIR_SPECIAL_TOKENS
        capacity = max_seq_len - beside
        _check_room(index, len(question), capacity, max_seq_len)
        overlap = _overlap(request.doc_stride, max_seq_len, capacity)
        plans: list[ContextPlan] = []
        for number, (text, context) in enumerate(zip(item.contexts, contexts, strict=True)):
            field, tokens = item.field(number), len(context)
            _check_words(text, context, field, index)
            if tokens <= capacity:
                shared = 0  # one window: nothing overlaps
            else:
                shared = overlap
                _check_advance(overlap, capacity)
            limit.add(
                count_windows(tokens, capacity, shared),
                index=index,
                field=field,
                advice=FEWER_WINDOWS,
            )
            cut = [
                ContextWindow(first, last, position=len(question) + 2)
                for first, last in windows(tokens, capacity, shared)
            ]
            plans.append(ContextPlan(text, context, cut))
        return plans

    def is_decoded_quickly(self, request: QuestionAnsweringRequest) -> bool:
        """Unless many or long answers are asked for."""
        return request.top_k * request.max_answer_len <= QUICK_SPANS

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
        """The longest row. Raises InputError where that, or ``doc_stride`` beside it, cannot be."""
        max_seq_len, doc_stride = request.max_seq_len, request.doc_stride
        if max_seq_len is None:
            max_seq_len = min(DEFAULT_MAX_SEQ_LEN, self._max_tokens)
        elif max_seq_len > self._max_tokens:
            raise InputError(
                f"max_seq_len ({max_seq_len}) is larger than the {self._max_tokens} tokens "
                "that the model takes.",
                field="max_seq_len",
            )
        elif max_seq_len < LEAST_SEQ_LEN:
            raise InputError(
                f"max_seq_len ({max_seq_len}) must be at least {LEAST_SEQ_LEN}, so that a "
                "token of the question and one of the context fit between the special ones.",
                field="max_seq_len",
            )
        if doc_stride is not None and doc_stride > max_seq_len:
            raise InputError(
                f"doc_stride ({doc_stride}) is larger than max_seq_len ({max_seq_len}).",
                field="doc_stride",
            )
        return max_seq_len


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


def _overlap(doc_stride: int | None, max_seq_len: int, capacity: int) -> int:
    """Tokens that neighbouring windows share.

    Hugging Face's default, the smaller of 128 and half of ``max_seq_len``, gives windows that never
    advance when a long question leaves less room than that; the default then shrinks to half of the
    room. A stride that was asked for is kept or refused, never changed.
    """
    if doc_stride is not None:
        return doc_stride
    default = min(DEFAULT_DOC_STRIDE, max_seq_len // 2)
    return default if default < capacity else capacity // 2


def _check_advance(overlap: int, capacity: int) -> None:
    if overlap >= capacity:
        raise InputError(
            f"doc_stride ({overlap}) must be smaller than the {capacity} context tokens that "
            "fit beside the question, or the windows would not advance.",
            field="doc_stride",
        )
