"""Between the wire and text classification."""

from typing import Any

from service.api.schemas import ClassificationBody, ClassificationParameters, TextPair
from service.api.translation.parsed import InputLimits, ParsedRequest, check_lengths, place_in
from service.tasks.classification import (
    ClassificationInput,
    ClassificationRequest,
    Prediction,
    WindowedPredictions,
)
from service.tasks.truncation import Truncation

DEFAULTS = ClassificationParameters()


def parse_texts(body: ClassificationBody, limits: InputLimits) -> ParsedRequest:
    """The task's request. Raises ProblemError, 422, for a text that is too long."""
    many = isinstance(body.inputs, list)
    items: list[str | TextPair] = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    plain = [isinstance(item, str) for item in items]

    def place(index: int | None, field: str) -> str:
        if index is not None and plain[index]:
            return f"inputs[{index}]" if many else "inputs"
        return place_in(index, field, many)

    inputs = [
        ClassificationInput(item)
        if isinstance(item, str)
        else ClassificationInput(item.text, item.text_pair)
        for item in items
    ]
    check_lengths(
        [{"text": item.text, "text_pair": item.text_pair} for item in inputs], limits, place
    )
    parameters = body.parameters or DEFAULTS
    request = ClassificationRequest(
        inputs,
        parameters.top_k,
        parameters.function_to_apply,
        parameters.truncation or Truncation.WINDOW,
        return_windows=parameters.return_windows or False,
        most_windows=limits.max_windows,
    )
    render = _render_windowed if request.return_windows else _render_all
    return ParsedRequest(request, many, lambda error: place(error.index, error.field), render)


def _render_all(results: list[list[Prediction]]) -> list[list[dict[str, Any]]]:
    return [_render(predictions) for predictions in results]


def _render(predictions: list[Prediction]) -> list[dict[str, Any]]:
    return [{"label": prediction.label, "score": prediction.score} for prediction in predictions]


def _render_windowed(results: list[WindowedPredictions]) -> list[dict[str, Any]]:
    return [
        {
            "labels": _render(result.predictions),
            "windows": [
                {
                    "field": window.span.field,
                    "start": window.span.start,
                    "end": window.span.end,
                    "scores": window.scores,
                }
                for window in result.windows
            ],
        }
        for result in results
    ]
