"""Between the wire's bodies and the tasks' requests and results, and the limits on what one request
may hold.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from model_directory.manifest import Task
from service.api.problems import ProblemError, invalid, of_validation_error
from service.api.schemas import (
    AnswerSpan,
    ClassificationBody,
    ClassificationParameters,
    LabelScore,
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
    TextPair,
)
from service.tasks.classification import (
    ClassificationInput,
    ClassificationRequest,
    Prediction,
    Truncation,
)
from service.tasks.errors import InputError
from service.tasks.question_answering import (
    DEFAULT_MAX_ANSWER_LEN,
    Answer,
    QuestionAnsweringRequest,
    QuestionInput,
)

MOST_KEYS = 16


@dataclass(frozen=True, slots=True)
class InputLimits:
    """``max_inputs`` inputs in one request, ``max_characters`` code points in each text."""

    max_inputs: int
    max_characters: int


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A valid request for a task, and what is needed to answer in the shape that was asked."""

    request: Any
    many: bool
    place: Callable[[InputError], str]
    render: Callable[[Any], Any]


def parse(task: Task, body: bytes, limits: InputLimits) -> ParsedRequest:
    """Validate a body for ``task``. Raises ProblemError, 400 or 422."""
    document = _json(body)
    _check_size(document, limits)
    try:
        if task is Task.QUESTION_ANSWERING:
            return _parse_questions(QuestionAnsweringBody.model_validate(document), limits)
        return _parse_texts(ClassificationBody.model_validate(document), limits)
    except ValidationError as error:
        raise of_validation_error(error, lambda location: _keys_at(task, location)) from error


def _keys_at(task: Task, location: Sequence[int | str]) -> Iterable[str]:
    """Names of the keys that the object at ``location`` of a body for ``task`` may have."""
    questions = task is Task.QUESTION_ANSWERING
    if not location:
        return BODY_MODELS[task].model_fields
    if location[0] == "parameters":
        return (QuestionAnsweringParameters if questions else ClassificationParameters).model_fields
    return (QuestionContext if questions else TextPair).model_fields


def _json(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError(400, "not_json", f"The body is not valid JSON: {error}.") from error


def _check_size(document: Any, limits: InputLimits) -> None:
    """Refuse what has too many parts before each part is validated: a small body can hold a million
    of them.
    """
    if not isinstance(document, dict):
        return
    inputs = document.get("inputs")
    items = inputs if isinstance(inputs, list) else []
    if len(items) > limits.max_inputs:
        raise invalid(
            [
                (
                    "inputs",
                    f"There are {len(items)} inputs and at most {limits.max_inputs} are allowed.",
                )
            ]
        )
    parts = [("body", document), ("parameters", document.get("parameters")), ("inputs", inputs)]
    parts += [(f"inputs[{index}]", item) for index, item in enumerate(items)]
    for place, part in parts:
        if isinstance(part, dict) and len(part) > MOST_KEYS:
            raise invalid(
                [(place, f"The object has {len(part)} keys and none here has over {MOST_KEYS}.")]
            )


def _parse_texts(body: ClassificationBody, limits: InputLimits) -> ParsedRequest:
    many = isinstance(body.inputs, list)
    items: list[str | TextPair] = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    plain = [isinstance(item, str) for item in items]

    def place(index: int | None, field: str) -> str:
        if index is not None and plain[index]:
            return f"inputs[{index}]" if many else "inputs"
        return _place(index, field, many)

    inputs = [
        ClassificationInput(item)
        if isinstance(item, str)
        else ClassificationInput(item.text, item.text_pair)
        for item in items
    ]
    _check_limits(
        [{"text": item.text, "text_pair": item.text_pair} for item in inputs], limits, place
    )
    parameters = body.parameters or ClassificationParameters()
    request = ClassificationRequest(
        inputs,
        parameters.top_k,
        parameters.function_to_apply,
        parameters.truncation or Truncation.WINDOW,
    )
    return ParsedRequest(
        request, many, lambda error: place(error.index, error.field), _render_predictions
    )


def _parse_questions(body: QuestionAnsweringBody, limits: InputLimits) -> ParsedRequest:
    many = isinstance(body.inputs, list)
    items: list[QuestionContext] = body.inputs if isinstance(body.inputs, list) else [body.inputs]

    def place(index: int | None, field: str) -> str:
        return _place(index, field, many)

    _check_limits(
        [{"question": item.question, "context": item.context} for item in items], limits, place
    )
    given = (body.parameters or QuestionAnsweringParameters()).model_dump(
        exclude_none=True, exclude={"max_question_len"}
    )
    given.setdefault("max_answer_len", DEFAULT_MAX_ANSWER_LEN)
    inputs = [QuestionInput(item.question, item.context) for item in items]

    def render(results: list[list[Answer]]) -> Any:
        rendered = [_render_answers(answers) for answers in results]
        return rendered if many else rendered[0]

    return ParsedRequest(
        QuestionAnsweringRequest(inputs, **given),
        many,
        lambda error: place(error.index, error.field),
        render,
    )


def _place(index: int | None, field: str, many: bool) -> str:
    if index is None:
        return f"parameters.{field}"
    return f"inputs[{index}].{field}" if many else f"inputs.{field}"


def _check_limits(
    items: list[dict[str, str | None]],
    limits: InputLimits,
    place: Callable[[int | None, str], str],
) -> None:
    too_long = [
        (
            place(index, field),
            f"The text has {len(text)} characters and at most {limits.max_characters} are allowed.",
        )
        for index, item in enumerate(items)
        for field, text in item.items()
        if text is not None and len(text) > limits.max_characters
    ]
    if too_long:
        raise invalid(too_long)


def refusal(error: InputError, parsed: ParsedRequest) -> ProblemError:
    """422 that names the place of an input which the task refused."""
    return invalid([(parsed.place(error), error.message)])


def _render_predictions(results: list[list[Prediction]]) -> list[list[dict[str, Any]]]:
    return [
        [{"label": prediction.label, "score": prediction.score} for prediction in predictions]
        for predictions in results
    ]


def _render_answers(answers: list[Answer]) -> Any:
    rendered = [
        {"answer": item.answer, "score": item.score, "start": item.start, "end": item.end}
        for item in answers
    ]
    return rendered[0] if len(rendered) == 1 else rendered


BODY_MODELS: dict[Task, type[BaseModel]] = {
    Task.SENTIMENT: ClassificationBody,
    Task.CLASSIFICATION: ClassificationBody,
    Task.QUESTION_ANSWERING: QuestionAnsweringBody,
}
RESULT_TYPES: dict[Task, Any] = {
    Task.SENTIMENT: list[list[LabelScore]],
    Task.CLASSIFICATION: list[list[LabelScore]],
    Task.QUESTION_ANSWERING: AnswerSpan | list[AnswerSpan] | list[AnswerSpan | list[AnswerSpan]],
}
