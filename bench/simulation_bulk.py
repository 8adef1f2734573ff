"""Bulk beside interactive callers, in virtual time: what ``bench/fairness.py`` measures."""

from dataclasses import dataclass
from random import Random
from statistics import mean

from bench.lengths import MIXED
from bench.open_loop_arrivals import poisson
from bench.open_loop_texts import INTERACTIVE
from bench.simulation import Replica, Settings, VirtualTime
from bench.simulation_load import Outcome, closed_loop, recording
from bench.simulation_profile import Profile
from service.scheduling.errors import SchedulingError
from service.scheduling.priority import Priority

LENGTHS = 4096
"""Different places in each mix from which lengths are drawn."""

CAPACITY_TEXTS = 2048
CAPACITY_CONNECTIONS = 32
REFUSED_SECONDS = 1.0
"""After which a bulk caller who was refused comes back."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What came of both in so many ``seconds`` of virtual time."""

    interactive: Outcome
    bulk: Outcome

    @property
    def bulk_share(self) -> float:
        """Bulk's share of the tokens that were answered."""
        bulk = sum(self.bulk.lengths)
        return bulk / (bulk + sum(self.interactive.lengths))


def capacity_tokens(profile: Profile) -> float:
    """Tokens of mixed texts that are answered in a second at most."""
    settings = Settings(max_queue_seconds=float("inf"))
    lengths = MIXED.sample(CAPACITY_TEXTS)
    outcome = closed_loop(profile, settings, lengths, CAPACITY_CONNECTIONS).outcome
    return sum(outcome.lengths) / outcome.seconds


def beside_bulk(
    profile: Profile, tokens: float, bulk_callers: int, seconds: float, seed: int = 0
) -> Beside:
    """Interactive callers who ask for ``tokens`` a second on average (Poisson arrivals, one text
    each), beside ``bulk_callers`` with mixed texts who always have a next one.
    """
    time, random = VirtualTime(), Random(seed)
    replica = Replica(time, profile, Settings())
    interactive, bulk = Outcome(), Outcome()
    short, mixed = INTERACTIVE.sample(LENGTHS), MIXED.sample(LENGTHS)

    def arrive() -> None:
        lengths = [random.choice(short)]
        replica.request(lengths, recording(interactive, time, lengths))

    def ask_bulk() -> None:
        if time() >= seconds:
            return
        lengths = [random.choice(mixed)]
        record = recording(bulk, time, lengths)

        def on_answer(error: SchedulingError | None) -> None:
            record(error)
            time.at(time() + (REFUSED_SECONDS if error else 0.0), ask_bulk)

        replica.request(lengths, on_answer, Priority.BULK)

    for moment in poisson(tokens / mean(short), seconds, seed):
        time.at(moment, arrive)
    for _ in range(bulk_callers):
        ask_bulk()
    time.run()
    return Beside(interactive, bulk)
