"""Many replicas behind one load balancer, in virtual time."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from bench.lengths import LengthMix
from bench.simulation import Replica, Settings, VirtualTime
from bench.simulation_load import Outcome, recording
from bench.simulation_profile import Profile

LENGTHS = 4096
"""Different places in the mix from which lengths are drawn."""


class Choice(StrEnum):
    """How the balancer chooses a replica."""

    RANDOM = "random"
    """Any of them, as a Kubernetes Service does."""
    TWO = "two"
    """Of two random ones that with fewer outstanding requests, as Envoy does."""
    LEAST = "least"
    """The one with the fewest outstanding requests, as a balancer can that sees all requests."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """``rate`` requests a second for each of ``replicas``, one text each, for ``seconds``; those of
    the first ``warm_up_seconds`` are not counted.
    """

    replicas: int
    rate: float
    mix: LengthMix
    choice: Choice
    seconds: float
    warm_up_seconds: float
    seed: int = 0


class Balancer:
    """Chooses among replicas by their outstanding requests."""

    def __init__(self, replicas: Sequence[Replica], choice: Choice, random: Random) -> None:
        self._replicas = replicas
        self._choice = choice
        self._random = random
        self._by_outstanding = [(0, random.random(), index) for index in range(len(replicas))]
        heapq.heapify(self._by_outstanding)

    def choose(self) -> int:
        """Position of the replica that gets the next request."""
        match self._choice:
            case Choice.RANDOM:
                return self._random.randrange(len(self._replicas))
            case Choice.TWO:
                pair = self._random.choices(range(len(self._replicas)), k=2)
                return min(pair, key=lambda index: self._replicas[index].outstanding)
            case Choice.LEAST:
                return self._least()

    def changed(self, index: int) -> None:
        """The replica at ``index`` has more or fewer outstanding requests than before."""
        if self._choice is Choice.LEAST:
            entry = (self._replicas[index].outstanding, self._random.random(), index)
            heapq.heappush(self._by_outstanding, entry)

    def _least(self) -> int:
        while True:
            outstanding, _, index = self._by_outstanding[0]
            if self._replicas[index].outstanding == outstanding:
                return index
            heapq.heappop(self._by_outstanding)  # it changed since


def run_fleet(profile: Profile, settings: Settings, fleet: Fleet) -> Outcome:
    """What comes of Poisson arrivals at all replicas together."""
    time = VirtualTime()
    random = Random(fleet.seed)
    replicas = [Replica(time, profile, settings) for _ in range(fleet.replicas)]
    balancer = Balancer(replicas, fleet.choice, random)
    lengths = fleet.mix.sample(LENGTHS)
    warming, counted = Outcome(), Outcome()

    def arrive() -> None:
        outcome = counted if time() >= fleet.warm_up_seconds else warming
        length = random.choice(lengths)
        index = balancer.choose()
        on_answer = recording(outcome, time, [length], then=lambda: balancer.changed(index))
        replicas[index].request([length], on_answer)
        balancer.changed(index)
        expect_next()

    def expect_next() -> None:
        moment = time() + random.expovariate(fleet.rate * fleet.replicas)
        if moment < fleet.seconds:
            time.at(moment, arrive)

    expect_next()
    time.run()
    return counted
