"""Texts to classify, and their labels, in the Hugging Face task schema."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag

from service.api.schemas.base import Body, Count, kind_of
from service.tasks.classification import Activation
from service.tasks.truncation import Truncation


class TextPair(Body):
    """A text, and optionally a second one that belongs to it."""

    text: str
    text_pair: str | None = None


TextInput = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[TextPair, Tag("<object>")],
    Discriminator(
        kind_of,
        custom_error_type="input_type",
        custom_error_message='Input should be a string or an object {"text": …, "text_pair": …}',
    ),
]

TextInputs = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[TextPair, Tag("<object>")]
    | Annotated[list[TextInput], Field(min_length=1), Tag("<list>")],
    Discriminator(
        kind_of,
        custom_error_type="input_type",
        custom_error_message="Input should be a string, "
        'an object {"text": …, "text_pair": …} or a list of those',
    ),
]


class ClassificationParameters(Body):
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
    return_windows: Annotated[
        StrictBool | None,
        Field(
            description="Tell what each window scored (default false): each inner list of the "
            "answer becomes an object of its labels and windows."
        ),
    ] = None


class ClassificationBody(Body):
    """Texts to classify."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"inputs": "A film that stays with you for days."},
                {"inputs": ["Great value.", "It broke after a week."], "parameters": {"top_k": 1}},
                {
                    "inputs": "A slow start. The last hour makes up for it.",
                    "parameters": {"return_windows": True},
                },
            ]
        }
    )

    inputs: TextInputs
    parameters: ClassificationParameters | None = None


class LabelScore(BaseModel):
    """A label and its score."""

    label: str
    score: float


class WindowScores(BaseModel):
    """What one window of a text scored; a text that is not too long is a single window."""

    field: Annotated[
        Literal["text", "text_pair"], Field(description="Which text of the input was cut.")
    ]
    start: Annotated[int, Field(description="First character, in Unicode code points as sent.")]
    end: Annotated[int, Field(description="One past the last character.")]
    scores: Annotated[list[float], Field(description="One for each of the labels, in their order.")]


class WindowedLabels(BaseModel):
    """An input's labels, best first, and the scores of the windows that they are pooled from."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "labels": [
                        {"label": "positive", "score": 0.75},
                        {"label": "negative", "score": 0.25},
                    ],
                    "windows": [
                        {"field": "text", "start": 0, "end": 2304, "scores": [0.6, 0.4]},
                        {"field": "text", "start": 1998, "end": 4211, "scores": [0.9, 0.1]},
                    ],
                }
            ]
        }
    )

    labels: list[LabelScore]
    windows: list[WindowScores]
