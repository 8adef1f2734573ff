"""The table of an overload: a column for each level, of all its turns together."""

from collections.abc import Sequence
from statistics import median

from bench.open_loop import REFUSALS, Answers, pooled
from bench.open_loop_capacity import goodput
from bench.open_loop_cli import Table
from bench.open_loop_retries import Judged, told_wrong, waits
from bench.open_loop_table import Cell, Line, at_most, quantile, range_of, with_range
from bench.overload_burst import Burst, burst_lines
from bench.overload_turn import Turn
from bench.statistics import percentile

MEBIBYTE = 1024 * 1024

GOODPUT_GOAL = 0.95
REFUSAL_GOAL_SECONDS = 0.020
TOLD_WRONG_GOAL = 0.05
LIVE_GOAL_SECONDS = 0.050
METRICS_GOAL_SECONDS = 0.250
MEMORY_GOAL = 1.10


def table_of(turns: Sequence[Turn], burst: Burst) -> Table:
    """A column for each level, and one for ``burst``. ``turns`` are in the order in which they were
    measured, those of all levels.
    """
    levels = {
        factor: [turn for turn in turns if turn.factor == factor]
        for factor in sorted({turn.factor for turn in turns})
    }
    columns = [_column(level) for level in levels.values()]
    goals = {figure: goal for figure, (goal, _) in columns[0].items()}
    lines = [
        Line(figure, [*(column[figure][1] for column in columns), Cell("")], goal)
        for figure, goal in goals.items()
    ]
    lines += burst_lines(burst, blanks=len(levels))
    return [*(f"{factor:g} × capacity" for factor in levels), "burst, all obey"], lines


def _column(turns: Sequence[Turn]) -> dict[str, tuple[str, Cell]]:
    """Goal and cell of each figure of one level."""
    answers = pooled([turn.answers for turn in turns])
    asked = answers.of_kind("text", "obeying")
    answered = answers.of_kind("text").with_status(200)
    refused = asked.without_status(200)
    right = refused.with_status(*REFUSALS)
    closed = [loop.texts for turn in turns for loop in (turn.before, turn.after)]
    return {
        "closed loops before and after, texts/s": ("", Cell(range_of(closed, "{:.1f}"))),
        "requests sent": ("", Cell(str(len(asked)))),
        **_goodput_figures(turns),
        "p50 of those answered": ("", quantile(answered.seconds, 0.5, "{:.2f} s")),
        "p99 of those answered": ("", quantile(answered.seconds, 0.99, "{:.2f} s")),
        "refusals that are 429 or 504": (
            "all",
            Cell(f"{len(right)} of {len(refused)}", len(right) == len(refused)),
        ),
        "until a refusal, p99": (
            f"≤ {REFUSAL_GOAL_SECONDS * 1e3:g} ms",
            _within(right, 0.99, REFUSAL_GOAL_SECONDS),
        ),
        "until a refusal, worst": (
            f"≤ {REFUSAL_GOAL_SECONDS * 1e3:g} ms",
            _within(right, 1.0, REFUSAL_GOAL_SECONDS),
        ),
        **_retry_figures(turns, answers),
        "p99 of /health/live": (
            f"≤ {LIVE_GOAL_SECONDS * 1e3:g} ms",
            _within(answers.of_kind("live"), 0.99, LIVE_GOAL_SECONDS),
        ),
        "p99 of /metrics": (
            f"≤ {METRICS_GOAL_SECONDS * 1e3:g} ms",
            _within(answers.of_kind("metrics"), 0.99, METRICS_GOAL_SECONDS),
        ),
        "resident memory before → after": (f"≤ {MEMORY_GOAL - 1:.0%} more", _memory(turns)),
        "cores busy with the service, with the load": ("", _busy(turns)),
        "sent late by, p99": ("", quantile(asked.lateness, 0.99, "{:.1f} ms", scale=1e3)),
    }


def _goodput_figures(turns: Sequence[Turn]) -> dict[str, tuple[str, Cell]]:
    """Each turn is held against its own peak, so that a machine that slows down from one turn to
    the next slows both.
    """
    good = [goodput(turn.answers.of_kind("text", "obeying"), turn.seconds) for turn in turns]
    peaks = [turn.peak for turn in turns]
    tokens = [one.tokens / peak.tokens for one, peak in zip(good, peaks, strict=True)]
    texts = [one.texts / peak.texts for one, peak in zip(good, peaks, strict=True)]
    return {
        "goodput, share of the peak's tokens/s": (
            f"≥ {GOODPUT_GOAL:.0%}",
            Cell(with_range(median(tokens), tokens, "{:.1%}"), median(tokens) >= GOODPUT_GOAL),
        ),
        "goodput, share of the peak's texts/s": (
            "",
            Cell(with_range(median(texts), texts, "{:.1%}")),
        ),
    }


def _retry_figures(turns: Sequence[Turn], answers: Answers) -> dict[str, tuple[str, Cell]]:
    refused = answers.of_kind("text").with_status(429)
    told = [answer.retry_after for answer in refused.all if answer.retry_after is not None]
    waited = [
        wait for turn in turns for wait in waits(turn.answers.of_kind("obeying"), turn.seconds)
    ]
    first = sum(wait.refusals == 1 for wait in waited)
    judged = sum(
        (told_wrong(turn.answers.of_kind("text"), turn.lengths) for turn in turns), Judged()
    )
    return {
        "Retry-After told, median (longest)": (
            "",
            Cell(f"{percentile(told, 0.5):g} ({max(told):g}) s" if told else "never"),
        ),
        "told over twice the time until room": (
            f"≤ {TOLD_WRONG_GOAL:.0%}",
            at_most(judged.share_too_long, TOLD_WRONG_GOAL, "{:.1%}"),
        ),
        "told under half the time until room": (
            f"≤ {TOLD_WRONG_GOAL:.0%}",
            at_most(judged.share_too_short, TOLD_WRONG_GOAL, "{:.1%}"),
        ),
        "obeying callers among those who do not: in when they first came again": (
            "",
            Cell(f"{first} of {len(waited)}"),
        ),
    }


def _memory(turns: Sequence[Turn]) -> Cell:
    before, after = turns[0].resident_before, turns[-1].resident_after
    return Cell(
        f"{before / MEBIBYTE:.0f} → {after / MEBIBYTE:.0f} MiB", after / before <= MEMORY_GOAL
    )


def _busy(turns: Sequence[Turn]) -> Cell:
    core_seconds = sum(_until_the_last_answer(turn) * turn.cores for turn in turns)
    service = sum(turn.service_cpu_seconds for turn in turns)
    load = sum(turn.answers.load_cpu_seconds for turn in turns)
    return Cell(f"{service / core_seconds:.1%}, {load / core_seconds:.1%}")


def _until_the_last_answer(turn: Turn) -> float:
    """Seconds after the start of the open loop."""
    return max([turn.seconds, *(answer.at + answer.seconds for answer in turn.answers.all)])


def _within(answers: Answers, share: float, limit: float) -> Cell:
    return quantile(answers.seconds, share, "{:.1f} ms", scale=1e3, limit=limit)
