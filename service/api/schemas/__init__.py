"""Request and response bodies, in the Hugging Face task schema."""

from service.api.schemas.base import TAGS
from service.api.schemas.classification import (
    ClassificationBody,
    ClassificationParameters,
    LabelScore,
    TextPair,
    WindowedLabels,
)
from service.api.schemas.endpoint import Classifier, EndpointInfo
from service.api.schemas.models import Health, Limits, ModelDescription, ModelList
from service.api.schemas.problem import Problem
from service.api.schemas.question_answering import (
    AnswerSpan,
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
)
from service.api.schemas.tokenization import TokenizedRequest

__all__ = [
    "TAGS",
    "AnswerSpan",
    "ClassificationBody",
    "ClassificationParameters",
    "Classifier",
    "EndpointInfo",
    "Health",
    "LabelScore",
    "Limits",
    "ModelDescription",
    "ModelList",
    "Problem",
    "QuestionAnsweringBody",
    "QuestionAnsweringParameters",
    "QuestionContext",
    "TextPair",
    "TokenizedRequest",
    "WindowedLabels",
]
