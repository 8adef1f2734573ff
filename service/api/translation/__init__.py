"""Between the wire's bodies and the tasks' requests and results, and the limits on what one request
may hold.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from model_directory.manifest import Task
from service.api.problems import ProblemError, invalid, of_validation_error
from service.api.schemas import (
    CONTEXTS,
    AnswerSpan,
    ClassificationBody,
    ClassificationParameters,
    ContextAnswerSpan,
    LabelScore,
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
    QuestionContexts,
    TextPair,
    WindowedLabels,
)
from service.api.translation.classification import parse_texts
from service.api.translation.parsed import InputLimits, ParsedRequest, refusal
from service.api.translation.question_answering import parse_questions

__all__ = [
    "BODY_MODELS",
    "RESULT_TYPES",
    "InputLimits",
    "ParsedRequest",
    "parse",
    "parse_document",
    "parse_json",
    "refusal",
]

MOST_KEYS = 16


def parse(task: Task, body: bytes, limits: InputLimits) -> ParsedRequest:
    """Validate a body for ``task``. Raises ProblemError, 400 or 422."""
    return parse_document(task, parse_json(body), limits)


def parse_document(task: Task, document: Any, limits: InputLimits) -> ParsedRequest:
    """The same for a body that was parsed as JSON. Raises ProblemError, 422."""
    _check_size(task, document, limits)
    try:
        if task is Task.QUESTION_ANSWERING:
            return parse_questions(QuestionAnsweringBody.model_validate(document), limits)
        return parse_texts(ClassificationBody.model_validate(document), limits)
    except ValidationError as error:
        raise of_validation_error(error, lambda location: _keys_at(task, location)) from error


def _keys_at(task: Task, location: Sequence[int | str]) -> Iterable[str]:
    """Names of the keys that the object at ``location`` of a body for ``task`` may have."""
    questions = task is Task.QUESTION_ANSWERING
    if not location:
        return BODY_MODELS[task].model_fields
    if location[0] == "parameters":
        return (QuestionAnsweringParameters if questions else ClassificationParameters).model_fields
    if not questions:
        return TextPair.model_fields
    return (QuestionContexts if CONTEXTS in location else QuestionContext).model_fields


def parse_json(body: bytes) -> Any:
    """Raises ProblemError, 400, for what is not JSON."""
    try:
        # Of a body of 190,000 different keys, 2 MB, this takes 28 ms, and 58 where each is looked
        # for among those before; of requests as they are, it takes the same.
        return from_json(body, allow_inf_nan=False, cache_strings=False)
    except ValueError as error:
        raise ProblemError(400, "not_json", f"The body is not valid JSON: {error}.") from error


def _check_size(task: Task, document: Any, limits: InputLimits) -> None:
    """Refuse what has too many parts before each part is validated: a small body can hold a million
    of them.
    """
    if not isinstance(document, dict):
        return
    inputs = document.get("inputs")
    items = inputs if isinstance(inputs, list) else []
    count = len(items)
    counted = ""
    if task is Task.QUESTION_ANSWERING and count <= limits.max_inputs:
        count = sum(map(_inputs_in, items if items else [inputs]))
        counted = ", each context counted," if count > max(1, len(items)) else ""
    if count > limits.max_inputs:
        message = f"There are {count} inputs{counted} and at most {limits.max_inputs} are allowed."
        raise invalid([("inputs", message)])
    parts = [("body", document), ("parameters", document.get("parameters")), ("inputs", inputs)]
    parts += [(f"inputs[{index}]", item) for index, item in enumerate(items)]
    for place, part in parts:
        if isinstance(part, dict) and len(part) > MOST_KEYS:
            raise invalid(
                [(place, f"The object has {len(part)} keys and none here has over {MOST_KEYS}.")]
            )


def _inputs_in(item: Any) -> int:
    """How many inputs a question counts for: each of its contexts is one."""
    contexts = item.get("contexts") if isinstance(item, dict) else None
    return max(1, len(contexts)) if isinstance(contexts, list) else 1


BODY_MODELS: dict[Task, type[BaseModel]] = {
    Task.SENTIMENT: ClassificationBody,
    Task.CLASSIFICATION: ClassificationBody,
    Task.QUESTION_ANSWERING: QuestionAnsweringBody,
}
_Span = AnswerSpan | ContextAnswerSpan
RESULT_TYPES: dict[Task, Any] = {
    Task.SENTIMENT: list[list[LabelScore]] | list[WindowedLabels],
    Task.CLASSIFICATION: list[list[LabelScore]] | list[WindowedLabels],
    Task.QUESTION_ANSWERING: _Span | list[_Span] | list[_Span | list[_Span]],
}
