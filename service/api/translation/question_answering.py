"""Between the wire and question answering."""

from typing import Any

from service.api.problems import invalid
from service.api.schemas import (
    QuestionAnsweringBody,
    QuestionAnsweringParameters,
    QuestionContext,
    QuestionContexts,
)
from service.api.translation.parsed import InputLimits, ParsedRequest, check_lengths, place_in
from service.tasks.answers import Answer, Normalization
from service.tasks.question_answering import (
    DEFAULT_MAX_ANSWER_LEN,
    QuestionAnsweringRequest,
    QuestionInput,
)


def parse_questions(body: QuestionAnsweringBody, limits: InputLimits) -> ParsedRequest:
    """The task's request. Raises ProblemError, 422, for a text that is too long, and for scores of
    several contexts that would not compare.
    """
    many = isinstance(body.inputs, list)
    items = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    inputs = [_input(item) for item in items]

    def place(index: int | None, field: str) -> str:
        return place_in(index, field, many)

    check_lengths([_texts(item) for item in inputs], limits, place)
    parameters = body.parameters or QuestionAnsweringParameters()
    several = any(item.several for item in inputs)
    if several and parameters.normalization is Normalization.WINDOW:
        raise invalid(
            [
                (
                    "parameters.normalization",
                    "Scores of several contexts compare only when one normalisation goes over all "
                    "of them: set it to document, or leave it out.",
                )
            ]
        )
    given = parameters.model_dump(exclude_none=True, exclude={"max_question_len"})
    given.setdefault("max_answer_len", DEFAULT_MAX_ANSWER_LEN)

    def render(results: list[list[Answer]]) -> Any:
        rendered = [
            _render_answers(answers, item) for answers, item in zip(results, inputs, strict=True)
        ]
        return rendered if many else rendered[0]

    return ParsedRequest(
        QuestionAnsweringRequest(inputs, **given, most_windows=limits.max_windows),
        many,
        lambda error: place(error.index, error.field),
        render,
    )


def _input(item: QuestionContext | QuestionContexts) -> QuestionInput:
    if isinstance(item, QuestionContexts):
        return QuestionInput(item.question, tuple(item.contexts), several=True)
    return QuestionInput(item.question, (item.context,))


def _texts(item: QuestionInput) -> dict[str, str | None]:
    """The texts of an input by their field."""
    contexts = {item.field(index): context for index, context in enumerate(item.contexts)}
    return {"question": item.question, **contexts}


def _render_answers(answers: list[Answer], item: QuestionInput) -> Any:
    rendered = [
        {"answer": one.answer, "score": one.score, "start": one.start, "end": one.end}
        | ({"context_index": one.context_index} if item.several else {})
        for one in answers
    ]
    return rendered[0] if len(rendered) == 1 else rendered
