"""``python -m bench.hangups``: a thousand callers that send a request and leave at once."""

import math
from dataclasses import dataclass
from statistics import median
from typing import Annotated

import typer

from bench.errors import BenchError
from bench.lengths import MIXED
from bench.open_loop import Answers, run_open_loop
from bench.open_loop_arrivals import regular
from bench.open_loop_capacity import measure_capacity, text_requests
from bench.open_loop_cli import ModelPath, Models, Table, Url, tell
from bench.open_loop_job import OpenJob, Request
from bench.open_loop_server import Choice, Server, serving
from bench.open_loop_table import Cell, Line, quantile
from bench.open_loop_texts import body_of, distinct_texts
from bench.progress import Progress

TOKENS = 40
MOST_INPUTS = 256
ROUNDS = 5
WARM_SECONDS = 10.0
LEAVING_RATE = 1000.0
"""Callers a second who come and leave."""
HEAD_START_SECONDS = 1.0
"""Of the callers who stay and keep the workers busy, so that none who leaves is run before them."""
MARGIN = 2.0
"""Work that is there at first, over what lasts until the last has left."""
SPREAD_SECONDS = 0.1
"""Predicted work in one request of those who stay: much less than the head start, as the rows of a
larger one may wait for others that come later.
"""
PATIENCE = {"X-Request-Timeout": "600"}
ROOM = ("--max-queue-seconds", "600")
"""For a service that is started here: nobody who leaves is to be refused before."""
REAL_TOKENS = "albert_real_tokens_total"
DELAY_GOAL = 1.3


@dataclass(frozen=True, slots=True)
class Leaving:
    """What came of callers who left, while the workers were idle or occupied: how many of them the
    service ran, and how many it saw leave.
    """

    answers: Answers
    run: float
    left: float


def hangups(
    url: Url = None,
    models: Models = None,
    path: ModelPath = None,
    callers: Annotated[int, typer.Option(help="Who leave at once.", min=1)] = 1000,
    rounds: Annotated[int, typer.Option(help="Of callers on an idle service.", min=1)] = ROUNDS,
) -> None:
    """Measure the caller after those who left, and what was run for nobody."""

    def measure(progress: Progress) -> tuple[Server, Table]:
        with serving(Choice(url, models, path), progress, *ROOM) as server:
            progress.step("warming up")
            measure_capacity(server, MIXED, WARM_SECONDS * callers / 1000)
            progress.step("on an idle service, nobody leaving")
            idle = _alone_on_idle(server, 4 * rounds)
            rows_per_second = _row_rate(server)
            on_idle = []
            for number in range(rounds):
                progress.step(f"leaving an idle service, {number + 1} of {rounds}")
                on_idle.append(_leave(server, callers, None))
            progress.step("leaving a busy service")
            on_busy = _leave(server, callers, rows_per_second)
        return server, (["measured"], lines_of(callers, idle, on_idle, on_busy))

    tell(f"Hang-ups, {callers} callers", measure)


def lines_of(
    callers: int, idle: list[float], on_idle: list[Leaving], on_busy: Leaving
) -> list[Line]:
    """The table's lines; ``idle`` are seconds of a text when nobody leaves."""
    staying = max(answer.at + answer.seconds for answer in on_busy.answers.of_kind("staying").all)
    gone = max(answer.at + answer.seconds for answer in on_busy.answers.of_kind("leaving").all)
    following = [answer for leaving in on_idle for answer in leaving.answers.of_kind("next").all]
    late = max(answer.at for answer in following)
    at_once = [answer.seconds for answer in following if answer.at < late]
    later = [answer.seconds for answer in following if answer.at == late]
    limit = DELAY_GOAL * median(idle)
    return [
        Line("a text on an idle service: median", [quantile(idle, 0.5, "{:.1f} ms", scale=1e3)]),
        Line(
            f"the next caller's, right after {callers} left: median",
            [quantile(at_once, 0.5, "{:.1f} ms", scale=1e3, limit=limit)],
            f"≤ {DELAY_GOAL:g} × idle",
        ),
        Line(
            "the next caller's, right after: longest",
            [quantile(at_once, 1.0, "{:.1f} ms", scale=1e3)],
        ),
        Line("the caller's a second later: median", [quantile(later, 0.5, "{:.1f} ms", scale=1e3)]),
        Line(
            "run on an idle service before their leaving was seen",
            [Cell(f"{sum(each.run for each in on_idle):.0f} of {callers * len(on_idle)}")],
        ),
        Line(
            "the busy service's work lasted longer than the last caller who left",
            [Cell(f"{staying - gone:.1f} s", staying > gone)],
            "else the next two say nothing",
        ),
        Line(
            "left before they could start, on a busy service (counted as 499)",
            [Cell(f"{on_busy.left:.0f} of {callers}")],
        ),
        Line(
            "of them run for nobody",
            [Cell(f"{on_busy.run:.0f}", round(on_busy.run) == 0)],
            "none",
        ),
    ]


def _alone_on_idle(server: Server, count: int) -> list[float]:
    """Seconds of ``count`` texts, one a second. One right after the other would find the caches and
    clocks of the processor warmer than a caller finds them who comes alone.
    """
    requests = text_requests(server, "alone", [TOKENS] * count, seed=8)
    arrivals = [(at, number) for number, at in enumerate(regular(1.0, count))]
    job = OpenJob(server.host, server.port, float(count), requests, arrivals)
    return run_open_loop(job).with_status(200).seconds


def _row_rate(server: Server) -> float:
    """Texts a second of one large request."""
    inputs = body_of(distinct_texts([TOKENS] * MOST_INPUTS, seed=7))
    job = OpenJob(
        server.host,
        server.port,
        1.0,
        [Request("many", server.path, inputs, PATIENCE)],
        [(0.0, 0)],
        drain_seconds=600.0,
    )
    answer = run_open_loop(job).all[0]
    if answer.status != 200:
        raise BenchError(f"a request of {MOST_INPUTS} texts was answered with {answer.status}")
    return MOST_INPUTS / answer.seconds


def _leave(server: Server, callers: int, rows_per_second: float | None) -> Leaving:
    """``callers`` come and leave; then the next one comes, and one a second later.

    With ``rows_per_second``, what the service can do, others are there before them and stay.
    """
    start = 0.0 if rows_per_second is None else HEAD_START_SECONDS
    end = start + callers / LEAVING_RATE
    requests = text_requests(server, "next", [TOKENS] * 2, seed=4)
    arrivals = [(end, 0), (end + 1.0, 1)]
    for text in distinct_texts([TOKENS] * callers, seed=5):
        requests.append(Request("leaving", server.path, body_of(text), leaves=True))
    arrivals += [
        (start + at, number + 2)
        for number, at in enumerate(regular(LEAVING_RATE, callers / LEAVING_RATE))
    ]
    if rows_per_second is not None:
        staying = _staying(server, rows_per_second, MARGIN * end)
        arrivals += [(0.0, len(requests) + number) for number in range(len(staying))]
        requests += staying
    tokens, left = server.metric(REAL_TOKENS), _left(server)
    answers = run_open_loop(OpenJob(server.host, server.port, end + 2.0, requests, arrivals))
    server.wait_until_idle()
    answered = answers.with_status(200)
    for_nobody = server.metric(REAL_TOKENS) - tokens - answered.tokens
    following = answered.of_kind("next")
    each = following.tokens / len(following) if len(following) else TOKENS
    return Leaving(answers, for_nobody / each, _left(server) - left)


def _staying(server: Server, rows_per_second: float, seconds: float) -> list[Request]:
    """Requests that keep the workers busy for about ``seconds``."""
    rows = max(1, min(MOST_INPUTS, int(SPREAD_SECONDS * rows_per_second / 2)))
    texts = distinct_texts([TOKENS] * math.ceil(seconds * rows_per_second), seed=6)
    return [
        Request("staying", server.path, body_of(texts[first : first + rows]), PATIENCE)
        for first in range(0, len(texts), rows)
    ]


def _left(server: Server) -> float:
    return server.metric("albert_requests_total", status="499")


if __name__ == "__main__":
    typer.run(hangups)
