"""The servers that ``bench.http_cost`` measures, and what is said of their turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.statistics import Spread, paired_differences, paired_ratios, spread_of
from bench.subject import NAME

DEFAULT = "sentiment"
"""The default model that is measured beside it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One server: what ``bench.http_steps`` calls it, what stands in the table, the step that it
    adds to, and the status of its answers.
    """

    name: str
    says: str
    adds_to: str | None = None
    status: int = 200
    model: str = NAME


STEPS = (
    Step("bare", "a constant from bare ASGI: uvicorn and our protocol class"),
    Step("constant", "+ request id, metrics, errors: what every answer passes", "bare"),
    Step("body", "+ headers and body", "constant"),
    Step("validation", "+ JSON and its validation", "body"),
    Step("tokens", "+ tokenising", "validation"),
    Step("scores", "+ scores and their JSON", "tokens"),
    Step("whole", "the whole: + queue, threads, run, timings", "scores"),
    Step("logged", "the whole, with a log line for every request", "whole"),
    Step("refused", "a refusal, 504, with its log line", status=504),
    Step("starlette", "the constant route: Starlette's, in the same application"),
    Step("fastapi", "the same as a FastAPI route with pydantic models", "starlette"),
    Step("default", "the whole, with the default model", model=DEFAULT),
    Step("cached", "the same, with all answers in the cache", model=DEFAULT),
)


WHOLES = {
    "whole": "the small model",
    "default": f"`{DEFAULT}`",
    "cached": f"`{DEFAULT}` and all answers in the cache",
}
"""The steps that are the whole way, and what they are called in a sentence."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one server did in its turn, for each request: processor seconds of the thread with the
    event loop and of all others, and the requests per second.
    """

    loop_seconds: float
    other_seconds: float
    requests_per_second: float


def table(turns: Mapping[str, Sequence[Turn]]) -> str:
    """What each step costs and adds, as Markdown: microseconds of the processor for a request."""
    lines = [
        "| what answers | event loop, µs | other threads, µs | adds, µs | requests/s |",
        "|---|--:|--:|--:|--:|",
    ]
    for step in STEPS:
        own = turns[step.name]
        adds = ""
        if step.adds_to is not None:
            before = _processor(turns[step.adds_to])
            adds = _micro(spread_of(paired_differences(_processor(own), before)))
        loop = _micro(spread_of([turn.loop_seconds for turn in own]))
        others = _micro(spread_of([turn.other_seconds for turn in own]))
        speed = spread_of([turn.requests_per_second for turn in own])
        lines.append(
            f"| {step.says} | {loop} | {others} | {adds} "
            f"| {speed.median:.0f} ({speed.lowest:.0f} – {speed.highest:.0f}) |"
        )
    return "\n".join(lines)


def shares(turns: Mapping[str, Sequence[Turn]]) -> str:
    """What the whole reaches of each constant's requests per second, in words."""
    lines = [
        "Of the requests per second that a constant reaches on the same core, the whole reaches",
        "",
    ]
    for name, model in WHOLES.items():
        fastapi, starlette, short = [
            _share(spread_of(paired_ratios(_speeds(turns[name]), _speeds(turns[constant]))))
            for constant in ("fastapi", "starlette", "constant")
        ]
        lines.append(
            f"- with {model}: {fastapi} of the FastAPI route's with pydantic models, "
            f"{starlette} of the Starlette route's, and {short} of the constant's that takes the "
            "same short way."
        )
    return "\n".join(lines)


def _processor(turns: Sequence[Turn]) -> list[float]:
    return [turn.loop_seconds + turn.other_seconds for turn in turns]


def _speeds(turns: Sequence[Turn]) -> list[float]:
    return [turn.requests_per_second for turn in turns]


def _share(ratio: Spread) -> str:
    return f"{ratio.median:.2f} ({ratio.lowest:.2f} – {ratio.highest:.2f})"


def _micro(seconds: Spread) -> str:
    values = [value * 1e6 for value in (seconds.median, seconds.lowest, seconds.highest)]
    return "{:.0f} ({:.0f} – {:.0f})".format(*values)
