"""Texts to classify, and their labels, in the Hugging Face task schema."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from service.api.schemas.base import Body, Count, kind_of
from service.tasks.classification import Activation, Truncation


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


class ClassificationBody(Body):
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
