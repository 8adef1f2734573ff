"""Texts per second: through HTTP at many connections, and the best that onnxruntime does alone."""

from collections.abc import Sequence

from bench.errors import BenchError
from bench.in_process import InProcess, Scheme
from bench.load import bodies_of, run_load
from bench.load_generator import Job
from bench.plan import Load
from bench.progress import Progress
from bench.results import HttpRun, Throughput, ThroughputRound
from bench.rounds import rotated
from bench.service_process import HOST, ServiceProcess
from bench.subject import Subject

HTTP = "HTTP"
REAL_TOKENS, PADDED_TOKENS = "albert_real_tokens_total", "albert_padded_tokens_total"


def measure_throughput(
    service: ServiceProcess,
    in_process: InProcess,
    subject: Subject,
    schemes: Sequence[Scheme],
    load: Load,
    *,
    rounds: int,
    progress: Progress,
) -> Throughput:
    """Run every scheme and HTTP once a round, each round starting with the next of them."""
    warm_up, connections = subject.warm_up, load.connections
    run_load(_job(service, subject, warm_up, connections))
    for scheme in schemes:
        in_process.seconds(scheme, warm_up)
    by_name = {scheme.name: scheme for scheme in schemes}
    everything = list(range(len(subject.texts)))
    real, padded = service.metric(REAL_TOKENS), service.metric(PADDED_TOKENS)
    measured = []
    for number in range(rounds):
        speeds: dict[str, float] = {}
        for name in rotated([HTTP, *by_name], number):
            turn = f"round {number + 1} of {rounds}: {name}"
            progress.step(f"{load.mix.name}, {connections} connections, {turn}")
            if name == HTTP:
                http = _run_http(service, _job(service, subject, everything, connections))
            else:
                speeds[name] = len(everything) / in_process.seconds(by_name[name])
        measured.append(ThroughputRound(http, {name: speeds[name] for name in by_name}))
    real, padded = service.metric(REAL_TOKENS) - real, service.metric(PADDED_TOKENS) - padded
    if real != rounds * sum(subject.lengths):
        raise BenchError(
            f"the service ran {real:.0f} tokens and the texts have {sum(subject.lengths)} "
            f"in each of {rounds} rounds: they are not the same texts"
        )
    return Throughput(load, measured, round(real), round(padded))


def _run_http(service: ServiceProcess, job: Job) -> HttpRun:
    cpu_seconds, switches = service.cpu_seconds(), service.voluntary_switches()
    report = run_load(job)
    return HttpRun(
        texts_per_second=len(job.bodies) / report.seconds,
        latencies=report.latencies,
        seconds=report.seconds,
        load_cpu_seconds=report.cpu_seconds,
        service_cpu_seconds=service.cpu_seconds() - cpu_seconds,
        service_switches=service.voluntary_switches() - switches,
    )


def _job(
    service: ServiceProcess, subject: Subject, positions: Sequence[int], connections: int
) -> Job:
    bodies = bodies_of([subject.texts[position] for position in positions])
    return Job(HOST, service.port, subject.path, connections, bodies)
