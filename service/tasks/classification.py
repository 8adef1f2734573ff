"""Text classification and sentiment: a text, or a pair of texts, to scored labels."""

import math
from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from model_directory.manifest import ProblemType
from service.runtime.sequence import Sequence
from service.runtime.session import Logits
from service.tasks.encoding import (
    PAIR_SPECIAL_TOKENS,
    SINGLE_SPECIAL_TOKENS,
    EncodedText,
    TextEncoder,
    characters_read,
)
from service.tasks.errors import InputError
from service.tasks.task import Prepared, estimate_rows, estimate_tokens
from service.tasks.tokenization import TextWindow, TokenizedInput
from service.tasks.truncation import Truncation, cut, overlap_in
from service.tasks.window_limit import MOST_WINDOWS, WindowLimit


class Activation(StrEnum):
    """How logits become scores; values as in Hugging Face's ``function_to_apply``."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ClassificationInput:
    """One text, or a pair."""

    text: str
    text_pair: str | None = None


@dataclass(frozen=True, slots=True)
class ClassificationRequest:
    """Inputs that share parameters. ``top_k`` None means all labels, ``activation`` None the
    model's own; ``return_windows`` asks for each window's scores beside the pooled ones.
    """

    inputs: Rows[ClassificationInput]
    top_k: int | None = None
    activation: Activation | None = None
    truncation: Truncation = Truncation.WINDOW
    return_windows: bool = False
    most_windows: int = MOST_WINDOWS


class Prediction(NamedTuple):
    """A label and its score."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """Code points ``start … end - 1`` of the text that an input has as ``field``."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WindowScores:
    """What one window of an input scored: a score for each of the input's predictions, in their
    order.
    """

    span: WindowSpan
    scores: list[float]


@dataclass(frozen=True, slots=True)
class WindowedPredictions:
    """An input's labels, best first, and what they are pooled from."""

    predictions: list[Prediction]
    windows: list[WindowScores]


@dataclass(frozen=True, slots=True)
class ClassificationPlan:
    """How to read the rows of a request.

    ``rows_per_input``: how many windows each input was cut into, in order; ``weights``: the tokens
    of text in each row; ``spans``: where each row is in its text, empty when nobody asked.
    """

    request: ClassificationRequest
    rows_per_input: list[int]
    weights: list[int]
    spans: list[WindowSpan]


class ClassificationTask:
    """Classifies with one model."""

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        labels: tuple[str, ...],
        problem_type: ProblemType,
        max_tokens: int,
    ) -> None:
        self._encoder = encoder
        self._labels = labels
        self._max_tokens = max_tokens
        self._activation = default_activation(problem_type, len(labels))
        self._multi_label = problem_type is ProblemType.MULTI_LABEL

    def characters(self, request: ClassificationRequest) -> int:
        """Code points in all texts, as the tokenizer reads them."""
        return characters_read(
            text for item in request.inputs for text in (item.text, item.text_pair or "")
        )

    def estimate_lengths(self, request: ClassificationRequest) -> list[int]:
        """About the rows' lengths in tokens."""
        lengths: list[int] = []
        for item in request.inputs:
            tokens, beside = estimate_tokens(item.text), SINGLE_SPECIAL_TOKENS
            if item.text_pair is not None:
                shorter, tokens = sorted((tokens, estimate_tokens(item.text_pair)))
                half = (self._max_tokens - PAIR_SPECIAL_TOKENS) // 2
                beside = PAIR_SPECIAL_TOKENS + min(shorter, half)
            capacity = self._max_tokens - beside
            if request.truncation is not Truncation.WINDOW:
                tokens = min(tokens, capacity)
            lengths += estimate_rows(
                tokens, capacity, overlap_in(capacity), beside, request.most_windows
            )
            if len(lengths) >= request.most_windows:
                break
        return lengths

    def prepare(self, request: ClassificationRequest) -> Prepared[ClassificationPlan]:
        """Rows for every input. Raises InputError when a text is too long for the chosen
        truncation, or the request has too many windows.
        """
        plan = ClassificationPlan(request, [], [], [])
        sequences: list[Sequence] = []
        for (text, pair), rows in list(self._encoded(request)):
            plan.rows_per_input.append(len(rows))
            for window in rows:
                plan.weights.append(window.last - window.first)
                sequences.append(self._row(window, text, pair))
            if request.return_windows:
                cut_up = TokenizedInput(_by_field(text, pair), [])
                plan.spans.extend(
                    WindowSpan(window.field, *cut_up.characters(window)) for window in rows
                )
        return Prepared(sequences, plan)

    def tokenize(self, request: ClassificationRequest) -> Iterator[TokenizedInput]:
        """What ``prepare`` makes of each input. Raises InputError on the way."""
        limit = WindowLimit(request.most_windows)
        for index, item in enumerate(request.inputs):
            pair_texts = [] if item.text_pair is None else [item.text_pair]
            text, *rest = self._encoder.encode([item.text, *pair_texts])
            pair = rest[0] if rest else None
            rows = self._windows(text, pair, request.truncation, index, limit)
            yield TokenizedInput(
                _by_field(text, pair),
                [(window, _row_length(window, text, pair)) for window in rows],
            )

    def is_decoded_quickly(self, request: ClassificationRequest) -> bool:
        """It always is."""
        return True

    def decode(
        self, prepared: Prepared[ClassificationPlan], logits: Rows[Logits]
    ) -> list[list[Prediction]] | list[WindowedPredictions]:
        """For each input its labels, best first; with its windows, if the request asks for them."""
        plan = prepared.plan
        activation = plan.request.activation or self._activation
        # Plain floats: for the few labels that there are, numpy's calls cost four times as much.
        scores = [activate(row[0].tolist(), activation) for row in logits]
        independent = activation is Activation.SIGMOID or (
            activation is Activation.NONE and self._multi_label
        )
        results: list[list[Prediction]] = []
        windowed: list[WindowedPredictions] = []
        first = 0
        for count in plan.rows_per_input:
            rows = slice(first, first + count)
            pooled = pool(scores[rows], plan.weights[rows], independent=independent)
            order = sorted(range(len(pooled)), key=pooled.__getitem__, reverse=True)
            order = order[: plan.request.top_k]
            predictions = [Prediction(self._labels[label], pooled[label]) for label in order]
            results.append(predictions)
            if plan.request.return_windows:
                in_order = [[window[label] for label in order] for window in scores[rows]]
                pairs = zip(plan.spans[rows], in_order, strict=True)
                windows = [WindowScores(span, of_window) for span, of_window in pairs]
                windowed.append(WindowedPredictions(predictions, windows))
            first += count
        return windowed if plan.request.return_windows else results

    def _encoded(
        self, request: ClassificationRequest
    ) -> Iterator[tuple[tuple[EncodedText, EncodedText | None], list[TextWindow]]]:
        """The texts of each input, and the windows that they are cut into."""
        texts = [item.text for item in request.inputs]
        pairs = [item.text_pair for item in request.inputs if item.text_pair is not None]
        encoded = self._encoder.encode(texts + pairs)
        seconds = iter(encoded[len(texts) :])
        limit = WindowLimit(request.most_windows)
        for index, (item, text) in enumerate(zip(request.inputs, encoded, strict=False)):
            pair = None if item.text_pair is None else next(seconds)
            yield (text, pair), self._windows(text, pair, request.truncation, index, limit)

    def _row(self, window: TextWindow, text: EncodedText, pair: EncodedText | None) -> Sequence:
        part = slice(window.first, window.last)
        if pair is None:
            return self._encoder.single(text.ids[part])
        if window.field == "text":
            return self._encoder.pair(text.ids[part], pair.ids)
        return self._encoder.pair(text.ids, pair.ids[part])

    def _windows(
        self,
        text: EncodedText,
        pair: EncodedText | None,
        truncation: Truncation,
        index: int,
        limit: WindowLimit,
    ) -> list[TextWindow]:
        """One for each row. Of a pair the longer text is cut; the other stays whole and may take up
        to half of the room.
        """
        if pair is None:
            capacity = self._max_tokens - SINGLE_SPECIAL_TOKENS
            return cut(len(text), capacity, truncation, index, "text", limit)
        capacity = self._max_tokens - PAIR_SPECIAL_TOKENS
        shorter, longer = sorted((len(text), len(pair)))
        if shorter + longer <= capacity:
            return cut(len(text), capacity, truncation, index, "text", limit)
        if shorter > capacity // 2:
            raise InputError(
                f"Both texts of the pair are long ({len(text)} and {len(pair)} tokens): "
                f"one of them may have at most {capacity // 2} tokens.",
                index=index,
                field="text_pair",
            )
        field = "text" if len(text) == longer else "text_pair"
        return cut(longer, capacity - shorter, truncation, index, field, limit)


def _row_length(window: TextWindow, text: EncodedText, pair: EncodedText | None) -> int:
    tokens = window.last - window.first
    if pair is None:
        return tokens + SINGLE_SPECIAL_TOKENS
    return tokens + len(pair if window.field == "text" else text) + PAIR_SPECIAL_TOKENS


def _by_field(text: EncodedText, pair: EncodedText | None) -> dict[str, EncodedText]:
    return {"text": text} if pair is None else {"text": text, "text_pair": pair}


def default_activation(problem_type: ProblemType, labels: int) -> Activation:
    """What Hugging Face's text-classification pipeline applies when it is not told."""
    if problem_type is ProblemType.REGRESSION:
        return Activation.NONE
    if problem_type is ProblemType.MULTI_LABEL or labels == 1:
        return Activation.SIGMOID
    return Activation.SOFTMAX


def activate(logits: Rows[float], activation: Activation) -> list[float]:
    """Scores of one row's logits ``[labels]``."""
    match activation:
        case Activation.SOFTMAX:
            largest = max(logits)
            powers = [math.exp(logit - largest) for logit in logits]
            total = sum(powers)
            return [power / total for power in powers]
        case Activation.SIGMOID:
            return [_sigmoid(logit) for logit in logits]
        case _:
            return list(logits)


def _sigmoid(logit: float) -> float:
    # Written with the exponential of a negative number only, so that it cannot overflow.
    small = math.exp(-abs(logit))
    return (1.0 if logit >= 0 else small) / (1.0 + small)


def pool(scores: Rows[list[float]], weights: Rows[int], *, independent: bool) -> list[float]:
    """One score a label ``[labels]`` from those of all windows ``[windows][labels]``.

    Independent labels take their largest score: one window is enough for a label to be there.
    Exclusive labels, and figures, take the mean weighted by the windows' tokens ``[windows]``.
    """
    if len(scores) == 1:
        return scores[0]
    labels = zip(*scores, strict=True)
    if independent:
        return [max(label) for label in labels]
    total = sum(weights)
    return [
        sum(weight * score for weight, score in zip(weights, label, strict=True)) / total
        for label in labels
    ]
