"""Loads for a simulated replica, and what came of them: the same figures as of a measured load."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError
from bench.simulation import Action, OnAnswer, Replica, Settings, VirtualTime, Work
from bench.simulation_profile import Profile
from service.scheduling.errors import SchedulingError


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that comes ``at`` (seconds after the start) with rows of ``lengths`` tokens."""

    at: float
    lengths: list[int]


@dataclass(slots=True)
class Outcome:
    """What came of a load."""

    seconds: float = 0.0
    """From the first request to the last answer."""
    latencies: list[float] = field(default_factory=list)
    """Seconds, of the requests that were answered."""
    lengths: list[int] = field(default_factory=list)
    """Tokens of the requests that were answered."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How many were refused, by the name of the error."""

    @property
    def answers_per_second(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a simulated load, and what the workers did for it."""

    outcome: Outcome
    work: Work

    @property
    def waste(self) -> float:
        """Share of padding among the tokens that were run."""
        return 1 - self.work.real_tokens / self.work.padded_tokens


def closed_loop(
    profile: Profile, settings: Settings, lengths: Sequence[int], connections: int
) -> Simulated:
    """``connections`` callers who each send the next of ``lengths`` (tokens, one text a request) as
    soon as they have their answer.
    """
    time = VirtualTime()
    replica = Replica(time, profile, settings)
    outcome = Outcome()
    left = iter(lengths)

    def send_next() -> None:
        length = next(left, None)
        if length is not None:
            replica.request([length], recording(outcome, time, [length], then=send_next))

    for _ in range(connections):
        send_next()
    time.run()
    return Simulated(outcome, replica.work)


def open_loop(profile: Profile, settings: Settings, arrivals: Sequence[Arrival]) -> Simulated:
    """Requests that come at their times, whatever the answers do."""
    time = VirtualTime()
    replica = Replica(time, profile, settings)
    outcome = Outcome()

    def arrive(arrival: Arrival) -> None:
        replica.request(arrival.lengths, recording(outcome, time, arrival.lengths))

    for arrival in arrivals:
        time.at(arrival.at, lambda arrival=arrival: arrive(arrival))  # type: ignore[misc]
    time.run()
    return Simulated(outcome, replica.work)


def recording(
    outcome: Outcome,
    time: VirtualTime,
    lengths: Sequence[int],
    then: Action = lambda: None,
) -> OnAnswer:
    """Writes the answer to a request that is sent now into ``outcome``, and does ``then``."""
    sent = time()

    def on_answer(error: SchedulingError | None) -> None:
        outcome.seconds = time()
        if error is None:
            outcome.latencies.append(time() - sent)
            outcome.lengths.append(sum(lengths))
        else:
            outcome.refusals[type(error).__name__] += 1
        then()

    return on_answer


def write_arrivals(file: Path, arrivals: Sequence[Arrival]) -> None:
    """One JSON object a line: ``{"at": 0.25, "lengths": [23]}``."""
    lines = [json.dumps({"at": each.at, "lengths": each.lengths}) + "\n" for each in arrivals]
    file.write_text("".join(lines), encoding="utf-8")


def read_arrivals(file: Path) -> list[Arrival]:
    """What ``write_arrivals`` wrote, in the order of time. Raises BenchError."""
    arrivals = []
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            arrivals.append(Arrival(float(fields["at"]), [int(n) for n in fields["lengths"]]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file} holds no recorded arrivals: {error!r}") from error
    if not arrivals or not all(each.lengths and min(each.lengths) > 0 for each in arrivals):
        raise BenchError(f"{file} holds no recorded arrivals: every one needs rows of tokens")
    return sorted(arrivals, key=lambda arrival: arrival.at)
