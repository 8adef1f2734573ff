"""A body that was understood, and the limits on what it may hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.api.problems import ProblemError, invalid
from service.tasks.errors import InputError
from service.tasks.window_limit import MOST_WINDOWS


@dataclass(frozen=True, slots=True)
class InputLimits:
    """``max_inputs`` inputs in one request, ``max_characters`` code points in each text, and
    ``max_windows`` windows that all of them are cut into.
    """

    max_inputs: int
    max_characters: int
    max_windows: int = MOST_WINDOWS


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A valid request for a task, and what is needed to answer in the shape that was asked."""

    request: Any
    many: bool
    place: Callable[[InputError], str]
    render: Callable[[Any], Any]


def place_in(index: int | None, field: str, many: bool) -> str:
    """Where a body has the ``field`` of input ``index``, of the parameters when that is None."""
    if index is None:
        return f"parameters.{field}"
    return f"inputs[{index}].{field}" if many else f"inputs.{field}"


def check_lengths(
    items: list[dict[str, str | None]],
    limits: InputLimits,
    place: Callable[[int | None, str], str],
) -> None:
    """Raises ProblemError, 422, that names the texts of ``items`` that are too long."""
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
