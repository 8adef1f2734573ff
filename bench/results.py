"""What was measured, as it was measured: the raw figures of every round."""

from dataclasses import dataclass

from bench.plan import Load
from bench.process_memory import ProcessMemory


@dataclass(frozen=True, slots=True)
class HttpRun:
    """All texts through HTTP once."""

    texts_per_second: float
    latencies: list[float]
    """Seconds, in the order of the texts."""
    seconds: float
    load_cpu_seconds: float
    """Processor seconds of the load generator."""
    service_cpu_seconds: float
    service_switches: int
    """How often a thread of the service gave its core up by itself, to wait."""


@dataclass(frozen=True, slots=True)
class ThroughputRound:
    """All texts once through HTTP, and once by each in-process scheme."""

    http: HttpRun
    schemes: dict[str, float]
    """Texts per second."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """The rounds of one load, and the tokens that the service ran in them."""

    load: Load
    rounds: list[ThroughputRound]
    real_tokens: int
    padded_tokens: int


@dataclass(frozen=True, slots=True)
class LatencyRound:
    """Seconds of the same texts, one at a time: through HTTP, and in process."""

    http: list[float]
    one_thread: list[float]
    all_cores: list[float]


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the service: seconds to ready, and memory once ready."""

    ready_seconds: float
    memory: ProcessMemory


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run of the bench."""

    throughputs: list[Throughput]
    latency: list[LatencyRound]
    subject_start: Start
    subject_memory_after: ProcessMemory
    """The service with the measured model, after all its runs."""
    default_starts: list[Start] | None
    """None when there are no default models to start with."""
