"""A burst of callers who all obey Retry-After, and whether they were told when they get in."""

from dataclasses import dataclass

from bench.lengths import MIXED
from bench.open_loop import Answers, run_open_loop
from bench.open_loop_capacity import Capacity, text_requests
from bench.open_loop_job import Callers, OpenJob
from bench.open_loop_retries import waits
from bench.open_loop_server import Server
from bench.open_loop_table import Cell, Line, at_most, quantile

PATIENCE = 6.0
"""Times the work, after which those who are still out are given up."""
STRETCH_GOAL = 2.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of ``callers`` with one text each, all at once, who ask for ``work_seconds`` of the
    capacity.
    """

    work_seconds: float
    callers: int
    answers: Answers


def measure_burst(server: Server, capacity: Capacity, work_seconds: float) -> Burst:
    """Ask for so much work at once; who is refused comes again when told."""
    count = max(1, round(work_seconds * capacity.texts))
    job = OpenJob(
        server.host,
        server.port,
        PATIENCE * work_seconds,
        text_requests(server, "burst", MIXED.sample(count), seed=11),
        callers=[Callers(count, list(range(count)), once=True)],
    )
    return Burst(work_seconds, count, run_open_loop(job))


def burst_lines(burst: Burst, blanks: int) -> list[Line]:
    """Lines of the table, the figures in its last column, behind ``blanks`` others."""
    answered = burst.answers.with_status(200)
    patient_seconds = PATIENCE * burst.work_seconds
    waited = waits(burst.answers, patient_seconds)
    first = sum(wait.refusals == 1 for wait in waited)
    stretches = [wait.stretch for wait in waited]
    end = max((answer.at + answer.seconds for answer in answered.all), default=patient_seconds)
    given_up = burst.callers - len(answered)
    lines = [
        ("answered in the end", "all", Cell(f"{len(answered)} of {burst.callers}", given_up == 0)),
        (
            f"the last of {burst.work_seconds:g} s of work answered after",
            f"≤ {STRETCH_GOAL * burst.work_seconds:g} s",
            at_most(end, STRETCH_GOAL * burst.work_seconds, "{:.1f} s"),
        ),
        ("in when they first came again", "", Cell(f"{first} of {len(waited)} refused")),
        (
            "wait over first told, median",
            f"≤ {STRETCH_GOAL:g}",
            quantile(stretches, 0.5, "{:.1f}", limit=STRETCH_GOAL),
        ),
        (
            "wait over first told, p90",
            f"≤ {STRETCH_GOAL:g}",
            quantile(stretches, 0.9, "{:.1f}", limit=STRETCH_GOAL),
        ),
    ]
    return [
        Line(f"burst: {figure}", [*[Cell("")] * blanks, cell], goal) for figure, goal, cell in lines
    ]
