"""Questions and their answers, in the Hugging Face task schema."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag

from service.api.schemas.base import CONTEXTS, INTEGRAL, Body, Count, kind_of
from service.tasks.answers import Normalization

NonEmpty = Annotated[str, Field(min_length=1)]


class QuestionContext(Body):
    """A question, and the text to find its answer in."""

    question: NonEmpty
    context: NonEmpty


class QuestionContexts(Body):
    """A question, and several texts, each of which may answer it."""

    question: NonEmpty
    contexts: Annotated[
        list[NonEmpty],
        Field(min_length=1, description="Each counts as an input of the request."),
    ]


def question_kind_of(value: Any) -> str | None:
    """As ``kind_of``, with a tag of its own for an object that has ``contexts``."""
    several = isinstance(value, QuestionContexts) or (
        isinstance(value, dict) and "contexts" in value
    )
    return CONTEXTS if several else kind_of(value)


QuestionInput = Annotated[
    Annotated[QuestionContext, Tag("<object>")] | Annotated[QuestionContexts, Tag(CONTEXTS)],
    Discriminator(
        question_kind_of,
        custom_error_type="input_type",
        custom_error_message='Input should be an object {"question": …, "context": …} '
        'or {"question": …, "contexts": […]}',
    ),
]

QuestionInputs = Annotated[
    Annotated[QuestionContext, Tag("<object>")]
    | Annotated[QuestionContexts, Tag(CONTEXTS)]
    | Annotated[list[QuestionInput], Field(min_length=1), Tag("<list>")],
    Discriminator(
        question_kind_of,
        custom_error_type="input_type",
        custom_error_message='Input should be an object {"question": …, "context": …} '
        'or {"question": …, "contexts": […]}, or a list of those',
    ),
]


class QuestionAnsweringParameters(Body):
    """How answers are searched; lengths are in tokens."""

    top_k: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=1000), INTEGRAL] | None,
        Field(description="How many answers, best first (default 1)."),
    ] = None
    doc_stride: Annotated[
        Annotated[int, Field(strict=True, ge=0, le=1_000_000), INTEGRAL] | None,
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
    normalization: Annotated[
        Normalization | None,
        Field(
            description="What scores are normalised over: each window (window, the default), "
            "or all windows of the document (document), so that they compare and answers that are "
            "found in several windows have at most 1. Several contexts always have one "
            "normalisation."
        ),
    ] = None


_SEVERAL = {"type": "object", "required": ["contexts"]}
_INCOMPARABLE: dict[str, Any] = {
    "required": ["inputs", "parameters"],
    "properties": {
        "inputs": {"anyOf": [_SEVERAL, {"type": "array", "contains": _SEVERAL}]},
        "parameters": {
            "type": "object",
            "required": ["normalization"],
            "properties": {"normalization": {"const": Normalization.WINDOW}},
        },
    },
}
"""A body that asks for scores of several contexts that would not compare; it is refused."""


class QuestionAnsweringBody(Body):
    """Questions to answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": _INCOMPARABLE,
            "examples": [
                {
                    "inputs": {
                        "question": "Where was the treaty signed?",
                        "context": "The treaty was signed in Lisbon in December 2007.",
                    }
                },
                {
                    "inputs": {
                        "question": "Where was the treaty signed?",
                        "contexts": [
                            "The treaty came into force two years later.",
                            "The treaty was signed in Lisbon in December 2007.",
                        ],
                    },
                    "parameters": {"top_k": 2},
                },
            ],
        }
    )

    inputs: QuestionInputs
    parameters: QuestionAnsweringParameters | None = None


class AnswerSpan(BaseModel):
    """``context[start:end] == answer``, counted in Unicode code points of the context as it was
    sent. The empty answer at 0–0 means that there is none.
    """

    answer: str
    score: float
    start: int
    end: int


class ContextAnswerSpan(AnswerSpan):
    """``contexts[context_index][start:end] == answer``."""

    context_index: Annotated[
        int | None, Field(description="Counted from 0; null for the empty answer.")
    ]
