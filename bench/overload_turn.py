"""One turn of an overload: an open loop that asks for more than there is, between closed loops."""

from dataclasses import dataclass
from statistics import mean

from bench.lengths import MIXED
from bench.open_loop import Answers, run_open_loop
from bench.open_loop_arrivals import poisson, regular
from bench.open_loop_capacity import Capacity, measure_capacity, text_requests
from bench.open_loop_job import Callers, OpenJob, Request
from bench.open_loop_server import Server
from bench.progress import Progress
from service.runtime.cores import available_cores

MOST_TEXTS = 65_536
"""Different texts of one turn; they come again after so many."""
OBEYING_CALLERS = 8
OBEYING_TOKENS = 40
OBEYING_SEED = 50
SEEDS_A_TURN = 100
CLOSED_SHARE = 0.5
"""Of the time of an open loop, what each closed loop beside it takes."""
LIVE_RATE, METRICS_RATE = 20.0, 5.0
"""Questions a second for health and metrics."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of an open loop at ``factor`` times the capacity, and of the closed loops just
    before and just after it. ``seconds`` are those of the open loop.
    """

    factor: float
    seconds: float
    before: Capacity
    after: Capacity
    answers: Answers
    lengths: list[int]
    """Tokens of each request of the job; 0 for what has no text."""
    resident_before: float
    resident_after: float
    """Bytes."""
    service_cpu_seconds: float
    cores: int

    @property
    def peak(self) -> Capacity:
        """The mean of both closed loops: what the machine could do in the middle between them, if
        its speed changed steadily.
        """
        return Capacity(
            mean((self.before.texts, self.after.texts)),
            mean((self.before.tokens, self.after.tokens)),
        )


def measure_turn(
    server: Server,
    before: Capacity,
    factor: float,
    seconds: float,
    number: int,
    progress: Progress,
) -> Turn:
    """An open loop at ``factor`` times what the closed loop ``before`` was answered, then a closed
    loop. Arrivals and texts are those of turn ``number``.
    """
    progress.step(f"turn {number + 1}: {factor:g} times the capacity")
    job, lengths = _job(server, factor * before.texts, seconds, SEEDS_A_TURN * number + int(factor))
    resident_before, cpu_seconds = server.resident_bytes(), server.cpu_seconds()
    answers = run_open_loop(job)
    resident_after = server.resident_bytes()
    cpu_seconds = server.cpu_seconds() - cpu_seconds
    progress.step(f"turn {number + 1}: capacity")
    return Turn(
        factor,
        seconds,
        before,
        measure_capacity(server, MIXED, CLOSED_SHARE * seconds),
        answers,
        lengths,
        resident_before,
        resident_after,
        cpu_seconds,
        available_cores(),
    )


def _job(server: Server, rate: float, seconds: float, seed: int) -> tuple[OpenJob, list[int]]:
    """``rate`` texts a second, callers who obey Retry-After among them, questions for health and
    metrics; and the tokens of each request.
    """
    arrivals = poisson(rate, seconds, seed)
    lengths = MIXED.sample(min(len(arrivals), MOST_TEXTS) or 1, seed)
    requests = text_requests(server, "text", lengths, seed=seed)
    obeying = [OBEYING_TOKENS] * (64 * OBEYING_CALLERS)
    requests += text_requests(server, "obeying", obeying, seed=OBEYING_SEED + seed)
    live, metrics = len(requests), len(requests) + 1
    requests += [Request("live", "/health/live"), Request("metrics", "/metrics")]
    job = OpenJob(
        server.host,
        server.port,
        seconds,
        requests,
        arrivals=[
            *((at, number % len(lengths)) for number, at in enumerate(arrivals)),
            *((at, live) for at in regular(LIVE_RATE, seconds)),
            *((at, metrics) for at in regular(METRICS_RATE, seconds)),
        ],
        callers=[Callers(OBEYING_CALLERS, list(range(len(lengths), live)), start=0.1 * seconds)],
    )
    return job, [*lengths, *obeying, 0, 0]
