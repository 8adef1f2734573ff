"""One Markdown table of figures, goals and verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.machine import Machine
from bench.statistics import percentile


@dataclass(frozen=True, slots=True)
class Cell:
    """A measured figure with its unit, and whether it meets the goal; None where there is none."""

    text: str
    met: bool | None = None

    def __str__(self) -> str:
        return self.text if self.met is None else f"{self.text} {'✓' if self.met else '✗'}"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure in every column."""

    figure: str
    cells: Sequence[Cell]
    goal: str = ""


def at_most(value: float, limit: float, form: str) -> Cell:
    """``value`` in ``form``; the goal is met when it is within ``limit``."""
    return Cell(form.format(value), value <= limit)


def quantile(
    values: Sequence[float],
    share: float,
    form: str,
    *,
    scale: float = 1.0,
    limit: float | None = None,
) -> Cell:
    """The value that ``share`` of ``values`` do not exceed, times ``scale`` in ``form``, held
    against ``limit``; "none" where there are no values.
    """
    if not values:
        return Cell("none")
    value = percentile(values, share)
    return Cell(form.format(value * scale), None if limit is None else value <= limit)


def at_least(value: float, limit: float, form: str) -> Cell:
    """``value`` in ``form``; the goal is met when it reaches ``limit``."""
    return Cell(form.format(value), value >= limit)


def with_range(value: float, turns: Sequence[float], form: str) -> str:
    """``value`` in ``form``; where there were several ``turns``, with the lowest and the highest of
    what each came to in parentheses.
    """
    shown = form.format(value)
    if len(turns) < 2:
        return shown
    return f"{shown} ({range_of(turns, form)})"


def range_of(values: Sequence[float], form: str) -> str:
    """The lowest and the highest of ``values`` (at least one) in ``form``, its % named once."""
    lowest, highest = form.format(min(values)), form.format(max(values))
    return f"{lowest.removesuffix('%')} – {highest}"


def markdown(columns: Sequence[str], lines: Sequence[Line]) -> str:
    """The table; a figure's goal stands before its ``columns``."""
    head = f"| figure | goal | {' | '.join(columns)} |"
    rows = [
        f"| {line.figure} | {line.goal} | {' | '.join(map(str, line.cells))} |" for line in lines
    ]
    return "\n".join([head, "|---|--:|" + "--:|" * len(columns), *rows])


def caption(machine: Machine, about: str, others: float | None) -> str:
    """On what it was measured, one paragraph; ``others`` is the share of all cores that other
    programs took meanwhile, if that is known.
    """
    commit = machine.commit or "unknown"
    meanwhile = "" if others is None else f"; others took {others:.0%} of the cores meanwhile"
    return (
        f"{about}. {machine.processor}, {machine.cores} cores; commit {commit}; "
        f"{machine.started}, load average just before {machine.load_before:.2f}{meanwhile}."
    )
