"""Request and response bodies, in the Hugging Face task schema."""

from service.api.schemas.base import CONTEXTS, TAGS
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
    ContextAnswerSpan,
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
    QuestionContexts,
)
from service.api.schemas.tokenization import TokenizedRequest

__all__ = [
    "CONTEXTS",
    "TAGS",
    "AnswerSpan",
    "ClassificationBody",
    "ClassificationParameters",
    "Classifier",
    "ContextAnswerSpan",
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
    "QuestionContexts",
    "TextPair",
    "TokenizedRequest",
    "WindowedLabels",
]
