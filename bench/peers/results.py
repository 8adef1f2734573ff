"""What was measured of the servers, as it was measured."""

from dataclasses import dataclass, field

from bench.machine import Machine
from bench.process_memory import ProcessMemory


@dataclass(frozen=True, slots=True)
class LoadRun:
    """The texts of ``mix`` once over ``connections``, in one round.

    ``cpu_seconds`` are those of all the server's processes.
    """

    mix: str
    connections: int
    texts: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]
    refusals: dict[str, int]
    resent: int

    @property
    def texts_per_second(self) -> float:
        """Of those answered with 200."""
        return (self.texts - sum(self.refusals.values())) / self.seconds


@dataclass(frozen=True, slots=True)
class ArrivalRun:
    """Texts of ``mix`` that came in Poisson arrivals, ``rate`` a second, which is ``share`` of what
    the best peer with a file of that precision answers at most.

    ``latencies``: seconds of each answer but for those of the beginning; ``tokens``: the lengths of
    those texts; ``failed``: how many others were not answered with 200; ``failure``: why the run
    was given up, if it was.
    """

    server: str
    mix: str
    share: float
    rate: float
    latencies: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    failed: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One start of a server and all its runs of one round, or why it had to be given up."""

    server: str
    round: int
    ready_seconds: float = 0
    idle_cores: float = 0
    memory: ProcessMemory | None = None
    """After the runs."""
    runs: list[LoadRun] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """Runs that were given up, each with why."""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything of one command. ``versions``: of each peer's packages, by its name."""

    machine: Machine
    batch_size: int
    minutes: float
    versions: dict[str, dict[str, str]]
    visits: list[Visit]
    arrivals: list[ArrivalRun] = field(default_factory=list)
