"""Between the wire and question answering."""

from typing import Any

from service.api.schemas import (
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
)
from service.api.translation.parsed import InputLimits, ParsedRequest, check_lengths, place_in
from service.tasks.question_answering import (
    DEFAULT_MAX_ANSWER_LEN,
    Answer,
    QuestionAnsweringRequest,
    QuestionInput,
)


def parse_questions(body: QuestionAnsweringBody, limits: InputLimits) -> ParsedRequest:
    """The task's request. Raises ProblemError, 422, for a text that is too long."""
    many = isinstance(body.inputs, list)
    items: list[QuestionContext] = body.inputs if isinstance(body.inputs, list) else [body.inputs]

    def place(index: int | None, field: str) -> str:
        return place_in(index, field, many)

    check_lengths(
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


def _render_answers(answers: list[Answer]) -> Any:
    rendered = [
        {"answer": item.answer, "score": item.score, "start": item.start, "end": item.end}
        for item in answers
    ]
    return rendered[0] if len(rendered) == 1 else rendered
