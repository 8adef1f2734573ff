"""``python -m bench.fairness``: bulk beside interactive callers, and one large request beside small
ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from bench.lengths import MIXED
from bench.open_loop import Answers, pooled, run_open_loop
from bench.open_loop_arrivals import poisson
from bench.open_loop_capacity import (
    CALLERS,
    POOL,
    WARM_SHARE,
    Capacity,
    measure_alone,
    measure_capacity,
    text_requests,
)
from bench.open_loop_cli import ModelPath, Models, Table, Turns, Url, tell
from bench.open_loop_job import Callers, OpenJob, Request
from bench.open_loop_server import Choice, Server, serving
from bench.open_loop_table import Cell, Line, at_least, quantile, with_range
from bench.open_loop_texts import INTERACTIVE, body_of, distinct_texts
from bench.progress import Progress
from bench.rounds import rotated
from bench.statistics import percentile

BULK = {"X-Priority": "bulk"}
PATIENCE = {"X-Request-Timeout": "600"}
"""Seconds: for work that takes longer than a request usually may."""
LOAD, OVERLOAD = 0.6, 1.5
"""Of what is answered of interactive texts in a closed loop, what interactive callers ask for: what
leaves room for bulk, and what leaves none.
"""
SEEDS_A_TURN = 10
MANY_TEXTS, LONG_TOKENS, SINGLE_TOKENS = 256, 384, 40
LONG_RUNS = 9
"""How often a long text is asked alone."""
HEAD_START = 0.05
"""Of the time, that the large request is there before the small ones."""

RATIO_GOAL = 1.5
SHARE_GOAL = 0.20
LONG_RUNS_GOAL = 3.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Interactive callers who ask for ``load`` times the capacity, beside ``bulk_callers`` who
    always have a next text.
    """

    name: str
    load: float
    bulk_callers: int


ALONE = Situation("interactive alone", LOAD, 0)
BESIDE = Situation("interactive beside bulk", LOAD, CALLERS)
FULL = Situation("too much interactive beside bulk", OVERLOAD, CALLERS)
SITUATIONS = (ALONE, BESIDE, FULL)


def fairness(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    seconds: Annotated[float, typer.Option(help="Of each situation in each turn.", min=0.5)] = 20.0,
    turns: Turns = 3,
) -> None:
    """Measure interactive callers alone and beside others who ask for more than there is."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress) as server:
            progress.step("warming up")
            measure_capacity(server, INTERACTIVE, seconds)
            progress.step("capacity")
            capacity = measure_capacity(server, INTERACTIVE, seconds)
            answers = measure_situations(server, capacity, turns, seconds, progress)
            lines = bulk_lines(answers, seconds)
            lines += many_lines(server, turns * seconds, progress)
        return server, (["measured"], lines)

    tell(f"Fairness, {turns} × {seconds:g} s a situation", measure)


def measure_situations(
    server: Server, capacity: Capacity, turns: int, seconds: float, progress: Progress
) -> dict[Situation, list[Answers]]:
    """Every situation ``turns`` times for ``seconds``, each turn in another order. Within a turn
    all have the same interactive callers, as far as their load is the same.
    """
    answers: dict[Situation, list[Answers]] = {situation: [] for situation in SITUATIONS}
    for number in range(turns):
        for situation in rotated(SITUATIONS, number):
            progress.step(f"turn {number + 1}: {situation.name}")
            job = _situation_job(server, capacity, situation, seconds, SEEDS_A_TURN * number)
            answers[situation].append(run_open_loop(job))
    return answers


def bulk_lines(turns: Mapping[Situation, Sequence[Answers]], seconds: float) -> list[Line]:
    """Interactive callers alone, the same beside unlimited bulk, and more of them than there is
    room for beside it: the answers of every turn, each of which took ``seconds``.
    """
    alone, beside = (
        [_settled(answers, "interactive", seconds) for answers in turns[situation]]
        for situation in (ALONE, BESIDE)
    )
    lines = [
        _line(
            f"interactive at {LOAD:.0%} of the capacity, alone: p50, p99", _p50_p99(pooled(alone))
        ),
        _line("the same beside unlimited bulk: p50, p99", _p50_p99(pooled(beside))),
        _ratio_line("p99 beside bulk over p99 alone", beside, alone),
        _refused_line("interactive not answered with 200 beside bulk", pooled(beside)),
    ]
    for situation, what in (
        (BESIDE, "beside it"),
        (FULL, f"beside interactive at {OVERLOAD:.0%} of the capacity"),
    ):
        share = bulk_share(pooled(turns[situation]), seconds)
        lines.append(
            _line(
                f"bulk's share of the tokens answered {what}",
                at_least(share, SHARE_GOAL, "{:.1%}"),
                f"≥ {SHARE_GOAL:.0%}",
            )
        )
    return lines


def many_lines(server: Server, seconds: float, progress: Progress) -> list[Line]:
    """One caller with single texts, alone and beside one request of 256 long texts."""
    progress.step("a long text alone")
    long_alone = measure_alone(server, [LONG_TOKENS] * LONG_RUNS)
    progress.step("single texts alone")
    alone = run_open_loop(_single_job(server, seconds / 4, [], 0.0))
    progress.step(f"single texts beside {MANY_TEXTS} long texts")
    start = HEAD_START * seconds
    texts = distinct_texts([LONG_TOKENS] * MANY_TEXTS, seed=2)
    many = [Request("many", server.path, body_of(texts), PATIENCE)]
    answers = run_open_loop(_single_job(server, seconds, many, start))
    large = answers.of_kind("many").all[0]
    singles = answers.of_kind("single")
    meanwhile = singles.sent_within(start, large.at + large.seconds)
    took = {0: "still running at the end", 200: f"answered in {large.seconds:.1f} s"}
    name = f"beside {MANY_TEXTS} texts of {LONG_TOKENS} tokens in one request"
    own = percentile(long_alone, 0.5)
    ratios = [seconds / own for seconds in meanwhile.with_status(200).seconds]
    return [
        _line(
            f"the request of {MANY_TEXTS} long texts",
            Cell(took.get(large.status, f"{large.status}"), large.status in took),
            "admitted",
        ),
        _line("a long text alone: p50", quantile(long_alone, 0.5, "{:.0f} ms", scale=1e3)),
        _line("single texts alone: p50, p99", _p50_p99(alone)),
        _line(f"single texts {name}: p50, p99", _p50_p99(meanwhile)),
        _line(
            "their p99 over a long text alone",
            quantile(ratios, 0.99, "{:.2f}", limit=LONG_RUNS_GOAL),
            f"≤ {LONG_RUNS_GOAL:g}",
        ),
        _refused_line("single texts not answered with 200", meanwhile, cut_off=1),
    ]


def bulk_share(answers: Answers, seconds: float) -> float:
    """Bulk's share of the tokens that were answered, but for the beginning."""
    good = answers.with_status(200).done_within(WARM_SHARE * seconds, seconds)
    return good.of_kind("bulk").tokens / good.tokens if good.tokens else 0.0


def _situation_job(
    server: Server, capacity: Capacity, situation: Situation, seconds: float, seed: int
) -> OpenJob:
    arrivals = poisson(situation.load * capacity.texts, seconds, seed)
    lengths = INTERACTIVE.sample(max(1, len(arrivals)), seed)
    requests = text_requests(server, "interactive", lengths, seed=seed)
    callers = []
    if situation.bulk_callers:
        lengths = MIXED.sample(POOL, seed)
        bulk = text_requests(server, "bulk", lengths, headers=BULK, seed=seed + 1)
        positions = range(len(requests), len(requests) + len(bulk))
        callers = [Callers(situation.bulk_callers, list(positions))]
        requests += bulk
    return OpenJob(
        server.host,
        server.port,
        seconds,
        requests,
        arrivals=[(at, number) for number, at in enumerate(arrivals)],
        callers=callers,
    )


def _single_job(server: Server, seconds: float, before: list[Request], start: float) -> OpenJob:
    """One caller with single texts from ``start`` on; ``before`` is sent at once, and its caller
    leaves at the end.
    """
    singles = text_requests(server, "single", [SINGLE_TOKENS] * POOL)
    positions = range(len(before), len(before) + len(singles))
    return OpenJob(
        server.host,
        server.port,
        seconds,
        [*before, *singles],
        arrivals=[(0.0, number) for number in range(len(before))],
        callers=[Callers(1, list(positions), start)],
        drain_seconds=0.0,
    )


def _settled(answers: Answers, kind: str, seconds: float) -> Answers:
    return answers.of_kind(kind).sent_within(WARM_SHARE * seconds, seconds)


def _line(figure: str, cell: Cell, goal: str = "") -> Line:
    return Line(figure, [cell], goal)


def _p50_p99(answers: Answers) -> Cell:
    good = answers.with_status(200).seconds
    p50, p99 = (quantile(good, share, "{:.0f} ms", scale=1e3) for share in (0.5, 0.99))
    return Cell(f"{p50}, {p99}")


def _ratio_line(figure: str, left: Sequence[Answers], right: Sequence[Answers]) -> Line:
    """The p99 of all turns of ``left`` over that of all turns of ``right``, with the range of what
    the ratio was in each turn.
    """
    goal = f"≤ {RATIO_GOAL:g}"
    ratio = _p99_ratio(pooled(left), pooled(right))
    if ratio is None:
        return _line(figure, Cell("none was answered", False), goal)
    of_turns = [_p99_ratio(*sides) for sides in zip(left, right, strict=True)]
    known = [of_turn for of_turn in of_turns if of_turn is not None]
    return _line(figure, Cell(with_range(ratio, known, "{:.2f}"), ratio <= RATIO_GOAL), goal)


def _p99_ratio(left: Answers, right: Answers) -> float | None:
    """None where none was answered with 200 on one of the sides."""
    sides = [answers.with_status(200).seconds for answers in (left, right)]
    if not all(sides):
        return None
    above, below = (percentile(seconds, 0.99) for seconds in sides)
    return above / below


def _refused_line(figure: str, answers: Answers, cut_off: int = 0) -> Line:
    """``cut_off``: how many may still wait when the measurement ends."""
    unanswered = min(cut_off, len(answers.with_status(0)))
    refused = answers.without_status(200)
    told = max((answer.retry_after or 0.0 for answer in refused.all), default=0.0)
    count = len(refused) - unanswered
    cell = f"{count} of {len(answers)}"
    cell += f", told up to {told:g} s" if told else ""
    cell += f", {unanswered} still waiting at the end" if unanswered else ""
    return _line(figure, Cell(cell, not count), "none")


if __name__ == "__main__":
    typer.run(fairness)
