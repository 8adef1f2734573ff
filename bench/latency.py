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

GROUP = 4
"""Texts that are asked one way before the next way has its turn: where a machine's speed changes by
a fifth within seconds, what is compared has to be measured within one.
"""


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
    """Ask for the texts at ``positions`` one by one, each of the three ways in every round: a few
    texts each way before the next few.
    """
    ways: dict[str, Callable[[Sequence[int]], list[float]]] = {
        "http": lambda group: run_load(_job(service, subject, group)).latencies,
        "one_thread": lambda group: in_process.latencies(1, group),
        "all_cores": lambda group: in_process.latencies(cores, group),
    }
    groups = [positions[start : start + GROUP] for start in range(0, len(positions), GROUP)]
    measured = []
    for number in range(rounds):
        progress.step(f"latency, round {number + 1} of {rounds}")
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for turn, group in enumerate(groups, start=number):
            for way in rotated(list(ways), turn):
                seconds[way] += ways[way](group)
        measured.append(LatencyRound(**seconds))
    return measured


def _job(service: ServiceProcess, subject: Subject, positions: Sequence[int]) -> Job:
    bodies = bodies_of([subject.texts[position] for position in positions])
    return Job(HOST, service.port, subject.path, connections=1, bodies=bodies)
