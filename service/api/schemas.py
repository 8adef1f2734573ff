"""Request and response bodies, in the Hugging Face task schema."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StrictBool, Tag

from model_directory.manifest import (
    Agreement,
    Architecture,
    Figure,
    Parity,
    ProblemType,
    Quantisation,
    Speed,
    Task,
)
from service.tasks.classification import Activation, Truncation

TAGS = frozenset({"<text>", "<object>", "<list>"})
"""Names of the alternatives of ``inputs``: pydantic puts them into error locations, where a caller
must not see them.
"""


def _integral(value: Any) -> Any:
    """JSON has one kind of number: 2.0 is the integer 2 (JSON Schema, 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, Field(strict=True), BeforeValidator(_integral)]
Count = Annotated[Integer, Field(ge=1, le=1_000_000)]


def _kind(value: Any) -> str | None:
    if isinstance(value, str):
        return "<text>"
    if isinstance(value, list):
        return "<list>"
    if isinstance(value, dict | BaseModel):
        return "<object>"
    return None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# Classification ----------------------------------------------------------------------------------


class TextPair(_Body):
    """A text, and optionally a second one that belongs to it."""

    text: str
    text_pair: str | None = None


TextInput = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[TextPair, Tag("<object>")],
    Discriminator(
        _kind,
        custom_error_type="input_type",
        custom_error_message='Input should be a string or an object {"text": …, "text_pair": …}',
    ),
]

TextInputs = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[TextPair, Tag("<object>")]
    | Annotated[list[TextInput], Field(min_length=1), Tag("<list>")],
    Discriminator(
        _kind,
        custom_error_type="input_type",
        custom_error_message="Input should be a string, "
        'an object {"text": …, "text_pair": …} or a list of those',
    ),
]


class ClassificationParameters(_Body):
    """How texts are scored."""

    top_k: Annotated[
        Count | None, Field(description="How many labels, best first; all when absent.")
    ] = None
    function_to_apply: Annotated[
        Activation | None,
        Field(
            description="Default: none for regression, sigmoid for several labels at once "
            "or for one label, else softmax."
        ),
    ] = None
    truncation: Annotated[
        Truncation | None,
        Field(
            description="A text longer than the model takes: score all of it in windows and pool "
            "(window, the default), keep its beginning (right), keep its end (left), "
            "or refuse it (error)."
        ),
    ] = None


class ClassificationBody(_Body):
    """Texts to classify."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"inputs": "A film that stays with you for days."},
                {"inputs": ["Great value.", "It broke after a week."], "parameters": {"top_k": 1}},
            ]
        }
    )

    inputs: TextInputs
    parameters: ClassificationParameters | None = None


class LabelScore(BaseModel):
    """A label and its score."""

    label: str
    score: float


# Question answering ------------------------------------------------------------------------------

NonEmpty = Annotated[str, Field(min_length=1)]


class QuestionContext(_Body):
    """A question, and the text to find its answer in."""

    question: NonEmpty
    context: NonEmpty


QuestionInputs = Annotated[
    Annotated[QuestionContext, Tag("<object>")]
    | Annotated[list[QuestionContext], Field(min_length=1), Tag("<list>")],
    Discriminator(
        _kind,
        custom_error_type="input_type",
        custom_error_message="Input should be "
        'an object {"question": …, "context": …} or a list of those',
    ),
]


class QuestionAnsweringParameters(_Body):
    """How answers are searched; lengths are in tokens."""

    top_k: Annotated[
        Annotated[Integer, Field(ge=1, le=1000)] | None,
        Field(description="How many answers, best first (default 1)."),
    ] = None
    doc_stride: Annotated[
        Annotated[Integer, Field(ge=0, le=1_000_000)] | None,
        Field(
            description="Tokens that neighbouring windows share "
            "(default: the smaller of 128 and half of max_seq_len)."
        ),
    ] = None
    max_answer_len: Annotated[Count | None, Field(description="Longest answer (default 15).")] = (
        None
    )
    max_seq_len: Annotated[
        Count | None,
        Field(
            description="Length of a window, question included "
            "(default: the smaller of 384 and what the model takes)."
        ),
    ] = None
    max_question_len: Annotated[
        Count | None,
        Field(
            description="Taken for compatibility, without effect: a question is never cut, as in "
            "Hugging Face's pipeline with a fast tokenizer."
        ),
    ] = None
    handle_impossible_answer: Annotated[
        StrictBool | None, Field(description="Let the empty answer compete (default false).")
    ] = None
    align_to_words: Annotated[
        StrictBool | None, Field(description="Grow answers to whole words (default true).")
    ] = None


class QuestionAnsweringBody(_Body):
    """Questions to answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": {
                        "question": "Where was the treaty signed?",
                        "context": "The treaty was signed in Lisbon in December 2007.",
                    }
                }
            ]
        }
    )

    inputs: QuestionInputs
    parameters: QuestionAnsweringParameters | None = None


class AnswerSpan(BaseModel):
    """``context[start:end] == answer``, counted in Unicode code points of the context as it was
    sent.
    """

    answer: str
    score: float
    start: int
    end: int


# Models and health -------------------------------------------------------------------------------


class Limits(BaseModel):
    """What one request may be."""

    max_tokens: int
    max_inputs: int
    max_characters: int
    max_body_bytes: int


class ModelDescription(BaseModel):
    """A model of this service. A failed one has ``reason``, a ready one everything else."""

    name: str
    version: int
    status: Literal["ready", "failed"]
    task: Task | None = None
    reason: str | None = None
    default: bool = False
    labels: list[str] | None = None
    problem_type: ProblemType | None = None
    precision: str | None = None
    device: str | None = None
    limits: Limits | None = None
    architecture: Architecture | None = None
    parity: Parity | None = None
    agreement: Agreement | None = None
    quantisation: Quantisation | None = None
    speed: list[Speed] | None = None
    evaluation: list[Figure] | None = None
    source: str | None = None
    licence: str | None = None
    created: datetime | None = None
    load_seconds: float | None = None


class ModelList(BaseModel):
    """All models of this service."""

    models: list[ModelDescription]


class Health(BaseModel):
    """``status`` is ``ok`` exactly when the HTTP status is 200."""

    status: Literal["ok", "starting", "draining", "unavailable"]
    reasons: list[str] = []


# Errors ------------------------------------------------------------------------------------------


class ErrorPlace(BaseModel):
    """One thing that is wrong with a request, and where."""

    place: str
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it, with ``error`` and ``error_type`` for Hugging Face clients."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    error_type: str
    errors: list[ErrorPlace] = []
