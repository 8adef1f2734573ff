"""Text classification and sentiment: a text, or a pair of texts, to scored labels."""

from collections.abc import Sequence as Rows
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model_directory.manifest import ProblemType
from service.runtime.sequence import Ids, Sequence
from service.runtime.session import Logits
from service.tasks.encoding import PAIR_SPECIAL_TOKENS, SINGLE_SPECIAL_TOKENS, TextEncoder
from service.tasks.errors import InputError
from service.tasks.task import Prepared, estimate_rows
from service.tasks.windows import windows

WINDOW_OVERLAP_TOKENS = 64
"""Tokens that neighbouring windows of a long text share, or a quarter of the window when that is
less.
"""


class Activation(StrEnum):
    """How logits become scores; values as in Hugging Face's ``function_to_apply``."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    NONE = "none"


class Truncation(StrEnum):
    """What happens to a text that is longer than the model takes."""

    WINDOW = "window"
    RIGHT = "right"
    LEFT = "left"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ClassificationInput:
    """One text, or a pair."""

    text: str
    text_pair: str | None = None


@dataclass(frozen=True, slots=True)
class ClassificationRequest:
    """Inputs that share parameters. ``top_k`` None means all labels, ``activation`` None the
    model's own.
    """

    inputs: Rows[ClassificationInput]
    top_k: int | None = None
    activation: Activation | None = None
    truncation: Truncation = Truncation.WINDOW


@dataclass(frozen=True, slots=True)
class Prediction:
    """A label and its score."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class ClassificationPlan:
    """How to read the rows of a request.

    ``rows_per_input``: how many windows each input was cut into, in order; ``weights``: the tokens
    of text in each row.
    """

    request: ClassificationRequest
    rows_per_input: list[int]
    weights: list[int]


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

    def characters(self, request: ClassificationRequest) -> int:
        """Code points in all texts."""
        return sum(len(item.text) + len(item.text_pair or "") for item in request.inputs)

    def estimate_lengths(self, request: ClassificationRequest) -> list[int]:
        """About the rows' lengths in tokens."""
        lengths: list[int] = []
        for item in request.inputs:
            characters = len(item.text) + len(item.text_pair or "")
            rows = estimate_rows(characters, self._max_tokens)
            lengths += rows if request.truncation is Truncation.WINDOW else rows[:1]
        return lengths

    def prepare(self, request: ClassificationRequest) -> Prepared[ClassificationPlan]:
        """Rows for every input. Raises InputError when a text is too long for the chosen
        truncation.
        """
        texts = [item.text for item in request.inputs]
        pairs = [item.text_pair for item in request.inputs if item.text_pair is not None]
        encoded = [text.ids for text in self._encoder.encode(texts + pairs)]
        seconds = iter(encoded[len(texts) :])
        plan = ClassificationPlan(request, [], [])
        sequences: list[Sequence] = []
        for index, (item, ids) in enumerate(zip(request.inputs, encoded, strict=False)):
            if item.text_pair is None:
                rows = self._single_rows(ids, request.truncation, index)
            else:
                rows = self._pair_rows(ids, next(seconds), request.truncation, index)
            plan.rows_per_input.append(len(rows))
            plan.weights.extend(weight for _, weight in rows)
            sequences.extend(sequence for sequence, _ in rows)
        return Prepared(sequences, plan)

    def decode(
        self, prepared: Prepared[ClassificationPlan], logits: Rows[Logits]
    ) -> list[list[Prediction]]:
        """For each input its labels, best first."""
        plan = prepared.plan
        activation = plan.request.activation or self._activation
        scores = activate(np.stack([row[0] for row in logits]).astype(np.float64), activation)
        results = []
        first = 0
        for count in plan.rows_per_input:
            rows = slice(first, first + count)
            pooled = pool(scores[rows], np.asarray(plan.weights[rows]), activation)
            results.append(self._ranked(pooled, plan.request.top_k))
            first += count
        return results

    def _ranked(self, scores: NDArray[np.float64], top_k: int | None) -> list[Prediction]:
        order = np.argsort(-scores, kind="stable")[:top_k]
        return [Prediction(self._labels[label], float(scores[label])) for label in order]

    def _single_rows(
        self, ids: Ids, truncation: Truncation, index: int
    ) -> list[tuple[Sequence, int]]:
        capacity = self._max_tokens - SINGLE_SPECIAL_TOKENS
        parts = self._cut(ids, capacity, truncation, index, "text")
        return [(self._encoder.single(part), len(part)) for part in parts]

    def _pair_rows(
        self, first: Ids, second: Ids, truncation: Truncation, index: int
    ) -> list[tuple[Sequence, int]]:
        """The longer of the two texts is cut; the other stays whole and may take up to half of the
        room.
        """
        capacity = self._max_tokens - PAIR_SPECIAL_TOKENS
        if len(first) + len(second) <= capacity:
            return [(self._encoder.pair(first, second), len(first) + len(second))]
        shorter = min(len(first), len(second))
        if shorter > capacity // 2:
            raise InputError(
                f"Both texts of the pair are long ({len(first)} and {len(second)} tokens): "
                f"one of them may have at most {capacity // 2} tokens.",
                index=index,
                field="text_pair",
            )
        if len(first) >= len(second):
            parts = self._cut(first, capacity - shorter, truncation, index, "text")
            return [(self._encoder.pair(part, second), len(part)) for part in parts]
        parts = self._cut(second, capacity - shorter, truncation, index, "text_pair")
        return [(self._encoder.pair(first, part), len(part)) for part in parts]

    def _cut(
        self, ids: Ids, capacity: int, truncation: Truncation, index: int, field: str
    ) -> list[Ids]:
        if len(ids) <= capacity:
            return [ids]
        match truncation:
            case Truncation.RIGHT:
                return [ids[:capacity]]
            case Truncation.LEFT:
                return [ids[-capacity:]]
            case Truncation.ERROR:
                raise InputError(
                    f"The text has {len(ids)} tokens and the model takes {capacity} here: "
                    "shorten it, or set parameters.truncation to window, right or left.",
                    index=index,
                    field=field,
                )
            case Truncation.WINDOW:
                overlap = min(WINDOW_OVERLAP_TOKENS, capacity // 4)
                return [ids[start:end] for start, end in windows(len(ids), capacity, overlap)]


def default_activation(problem_type: ProblemType, labels: int) -> Activation:
    """What Hugging Face's text-classification pipeline applies when it is not told."""
    if problem_type is ProblemType.REGRESSION:
        return Activation.NONE
    if problem_type is ProblemType.MULTI_LABEL or labels == 1:
        return Activation.SIGMOID
    return Activation.SOFTMAX


def activate(logits: NDArray[np.float64], activation: Activation) -> NDArray[np.float64]:
    """Scores of logits ``[rows, labels]``."""
    match activation:
        case Activation.SOFTMAX:
            powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
        case Activation.SIGMOID:
            # Written with the exponential of a negative number only, so that it cannot overflow.
            small = np.exp(-np.abs(logits))
            return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))
        case _:
            return logits


def pool(
    scores: NDArray[np.float64], weights: NDArray[np.int64], activation: Activation
) -> NDArray[np.float64]:
    """One score a label ``[labels]`` from those of all windows ``[windows, labels]``.

    Independent labels (sigmoid) take their largest score: one window is enough for a label to be
    there. Exclusive labels and plain logits take the mean weighted by the windows' tokens
    ``[windows]``.
    """
    if len(scores) == 1:
        return np.asarray(scores[0])
    if activation is Activation.SIGMOID:
        return np.asarray(scores.max(axis=0))
    return np.asarray(np.average(scores, axis=0, weights=weights))
