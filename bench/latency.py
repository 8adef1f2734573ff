"""Seconds of a text that is alone in the machine: through HTTP, and in process."""

from collections.abc import Callable, Sequence

from bench.in_process import InProcess
from bench.load import bodies_of, run_load
from bench.load_generator import Job
from bench.progress import Progress
from bench.results import LatencyRound
from bench.rounds import rotated
from bench.service_process import HOST, ServiceProcess
from bench.subject import Subject


def measure_latency(
    service: ServiceProcess,
    in_process: InProcess,
    subject: Subject,
    *,
    cores: int,
    positions: Sequence[int],
    rounds: int,
    progress: Progress,
) -> list[LatencyRound]:
    """Ask for the texts at ``positions`` one by one, each of the three ways in every round."""
    bodies = bodies_of([subject.texts[position] for position in positions])
    job = Job(HOST, service.port, subject.path, connections=1, bodies=bodies)
    ways: dict[str, Callable[[], list[float]]] = {
        "http": lambda: run_load(job).latencies,
        "one_thread": lambda: in_process.latencies(1, positions),
        "all_cores": lambda: in_process.latencies(cores, positions),
    }
    measured = []
    for number in range(rounds):
        progress.step(f"latency, round {number + 1} of {rounds}")
        seconds = {way: ways[way]() for way in rotated(list(ways), number)}
        measured.append(LatencyRound(**seconds))
    return measured
