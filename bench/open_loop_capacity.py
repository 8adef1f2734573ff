"""What a service can do at most, asked by many callers, and what a text takes that is alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.lengths import LengthMix
from bench.load import run_load
from bench.load_generator import Job
from bench.open_loop import Answers, run_open_loop
from bench.open_loop_job import Callers, OpenJob, Request
from bench.open_loop_server import Server
from bench.open_loop_texts import body_of, distinct_texts

CALLERS = 32
POOL = 4096
"""Different texts of a closed loop: many times what is in flight."""
WARM_SHARE = 0.1
"""Of the time of a measurement, at its beginning, whose answers are not counted."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is answered in a second."""

    texts: float
    tokens: float


def measure_capacity(
    server: Server, mix: LengthMix, seconds: float, callers: int = CALLERS
) -> Capacity:
    """Texts and tokens a second with ``callers`` callers, who each ask again at once.

    Raises BenchError when nothing was answered.
    """
    texts = text_requests(server, "text", mix.sample(POOL))
    everyone = Callers(callers, list(range(len(texts))))
    job = OpenJob(server.host, server.port, seconds, texts, callers=[everyone])
    capacity = goodput(run_open_loop(job), seconds)
    if capacity.texts == 0:
        raise BenchError(f"{server.path} answered no text within {seconds:g} s")
    return capacity


def goodput(answers: Answers, seconds: float) -> Capacity:
    """What was answered with 200 in a second, but for the beginning of the ``seconds``."""
    start = WARM_SHARE * seconds
    good = answers.with_status(200).done_within(start, seconds)
    return Capacity(len(good) / (seconds - start), good.tokens / (seconds - start))


def measure_alone(server: Server, lengths: Sequence[int], seed: int = 1) -> list[float]:
    """Seconds of a text of each of ``lengths`` (tokens), asked one after the other."""
    bodies = [body_of(text) for text in distinct_texts(lengths, seed)]
    return run_load(Job(server.host, server.port, server.path, 1, bodies)).latencies


def text_requests(
    server: Server,
    kind: str,
    lengths: Sequence[int],
    *,
    headers: dict[str, str] | None = None,
    seed: int = 0,
) -> list[Request]:
    """A request of one text for each of ``lengths`` (tokens)."""
    texts = distinct_texts(lengths, seed)
    return [Request(kind, server.path, body_of(text), headers or {}) for text in texts]
