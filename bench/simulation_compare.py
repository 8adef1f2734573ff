"""The service measured and simulated under the same loads, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.checkpoints import Shape
from bench.errors import BenchError
from bench.lengths import SHORT_TOKENS, LengthMix
from bench.load import bodies_of, run_load
from bench.load_generator import Job
from bench.open_loop import run_open_loop
from bench.open_loop_arrivals import poisson
from bench.open_loop_job import OpenJob, Request
from bench.progress import Progress
from bench.service_process import HOST, ServiceProcess
from bench.simulation import Settings
from bench.simulation_load import Arrival, Outcome, Simulated, closed_loop, open_loop
from bench.simulation_measure import RunTimer, measure_http
from bench.simulation_profile import Profile
from bench.statistics import percentile
from bench.subject import NAME, Subject, export_model, prepare_subject
from service.runtime.cores import available_cores

GOAL = 0.15
"""Largest difference of predicted from measured, as a share of the measured."""

ROOM_SECONDS = 60.0
"""Of predicted work that may wait, in the service and in the simulation: none is refused."""

OPEN = "open loop"


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds`` rounds: ``texts`` texts at each of ``connections``, and Poisson arrivals for
    ``open_seconds`` at ``load``, a share of what was answered at ``capacity_connections``. Before
    each of the two, run times are taken for half of ``run_seconds``, because the machine's speed
    changes meanwhile, and near its limit the p99 changes by several times as much.
    """

    shape: Shape
    mix: LengthMix
    rounds: int
    texts: int
    connections: tuple[int, ...]
    capacity_connections: int
    run_seconds: float
    open_seconds: float
    load: float = 0.7


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of one load. The goal is about those that are ``judged``."""

    load: str
    figure: str
    predicted: float
    measured: float
    judged: bool = True

    @property
    def difference(self) -> float:
        """Of predicted from measured, as a share of the measured."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True, slots=True)
class Compared:
    """What the simulation knew, the arrivals of the last open loop, and what came of both."""

    profile: Profile
    arrivals: list[Arrival]
    comparisons: list[Comparison]


def compare(plan: Plan, directory: Path, progress: Progress) -> Compared:
    """Measure the service and simulate it. ``directory`` takes the models."""
    lengths = plan.mix.sample(plan.texts)
    workers = available_cores()
    progress.step("the cost of HTTP")
    http_seconds = measure_http(directory / "thin", lengths)
    progress.step("exporting the model")
    models = export_model(plan.shape, directory / "measured")
    timer = RunTimer(models / NAME / "1", workers)
    measured: dict[str, list[Outcome]] = {}
    recorded: list[list[Arrival]] = []
    with ServiceProcess(models, "--max-queue-seconds", f"{ROOM_SECONDS:g}") as service:
        loads = _Loads(service, prepare_subject(models, lengths))
        loads.warm_up(max(plan.connections))
        for number in range(plan.rounds):
            of_round = f", round {number + 1} of {plan.rounds}"
            progress.step(f"run times{of_round}")
            timer.measure(plan.run_seconds / 2)
            for connections in plan.connections:
                progress.step(f"{connections} connections{of_round}")
                outcome = loads.closed(connections)
                measured.setdefault(_closed_name(connections), []).append(outcome)
            progress.step(f"run times again{of_round}")
            timer.measure(plan.run_seconds / 2)
            progress.step(f"arrivals{of_round}")
            capacity = measured[_closed_name(plan.capacity_connections)][-1].answers_per_second
            outcome, arrivals = loads.open(plan.load * capacity, plan.open_seconds, seed=number)
            measured.setdefault(OPEN, []).append(outcome)
            recorded.append(arrivals)
    progress.step("simulating")
    profile = Profile(workers, timer.narrow, timer.wide, http_seconds, timer.packs)
    settings = Settings(max_queue_seconds=ROOM_SECONDS)
    simulated: dict[str, list[Simulated]] = {
        _closed_name(count): [closed_loop(profile, settings, lengths, count)]
        for count in plan.connections
    }
    simulated[OPEN] = [open_loop(profile, settings, arrivals) for arrivals in recorded]
    comparisons = [
        comparison
        for load, runs in simulated.items()
        for comparison in _compared(load, [run.outcome for run in runs], measured[load])
    ]
    return Compared(profile, recorded[-1], comparisons)


class _Loads:
    """The loads of a running service."""

    def __init__(self, service: ServiceProcess, subject: Subject) -> None:
        self._service = service
        self._subject = subject

    def warm_up(self, connections: int) -> None:
        """Run texts of every length once."""
        run_load(self._job(self._subject.warm_up, connections))

    def closed(self, connections: int) -> Outcome:
        """All texts once."""
        report = run_load(self._job(range(len(self._subject.texts)), connections))
        return Outcome(report.seconds, report.latencies, self._subject.lengths)

    def open(self, rate: float, seconds: float, seed: int) -> tuple[Outcome, list[Arrival]]:
        """Poisson arrivals, ``rate`` a second, of the texts in their order, over and over."""
        requests = [
            Request("text", self._subject.path, body) for body in bodies_of(self._subject.texts)
        ]
        arrivals = [
            (at, number % len(requests)) for number, at in enumerate(poisson(rate, seconds, seed))
        ]
        answers = run_open_loop(OpenJob(HOST, self._service.port, seconds, requests, arrivals))
        if len(answers.with_status(200)) != len(arrivals):
            raise BenchError("the service did not answer every text of the open loop")
        in_order = sorted(answers.all, key=lambda answer: answer.at)
        outcome = Outcome(
            seconds=max(answer.at + answer.seconds for answer in in_order),
            latencies=[answer.seconds for answer in in_order],
            lengths=[answer.tokens for answer in in_order],
        )
        return outcome, [Arrival(answer.at, [answer.tokens]) for answer in in_order]

    def _job(self, positions: Sequence[int], connections: int) -> Job:
        bodies = bodies_of([self._subject.texts[position] for position in positions])
        return Job(HOST, self._service.port, self._subject.path, connections, bodies)


def _closed_name(connections: int) -> str:
    return f"{connections} connections"


def _compared(
    load: str, predicted: Sequence[Outcome], measured: Sequence[Outcome]
) -> list[Comparison]:
    of_predicted, of_measured = _figures(predicted), _figures(measured)
    judged = {"texts/s", "p99, ms"}
    return [
        Comparison(load, figure, of_predicted[figure], of_measured[figure], figure in judged)
        for figure in of_measured
    ]


def _figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    latencies = [seconds for outcome in outcomes for seconds in outcome.latencies]
    short = [
        seconds
        for outcome in outcomes
        for seconds, length in zip(outcome.latencies, outcome.lengths, strict=True)
        if length <= SHORT_TOKENS
    ]
    return {
        "texts/s": len(latencies) / sum(outcome.seconds for outcome in outcomes),
        "p50, ms": 1000 * percentile(latencies, 0.50),
        "p99, ms": 1000 * percentile(latencies, 0.99),
        f"p99 up to {SHORT_TOKENS} tokens, ms": 1000 * percentile(short, 0.99),
    }
