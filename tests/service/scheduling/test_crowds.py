"""Retry-After before crowds: callers who obey it, callers who do not, on a simulated clock."""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from statistics import median

import pytest

from service.scheduling.backlog import Backlog
from service.scheduling.errors import QueueFullError
from service.scheduling.priority import Priority

WORKERS = 2
ROOM_SECONDS = 2.0
MEAN_SECONDS = 0.1
"""Of one request's work."""
CAPACITY = WORKERS / MEAN_SECONDS
"""Requests a second."""
LATENCY_SECONDS = 0.005
"""By which a caller is later than it was told."""


@dataclass
class Caller:
    """One request, and when it was refused and let in."""

    seconds: float
    obeys: bool
    refused: list[tuple[float, int]] = field(default_factory=list)
    """Times, and the seconds that were told."""
    let_in_at: float | None = None

    @property
    def stretch(self):
        """How many times as long as first told it took."""
        at, told = self.refused[0]
        return (self.let_in_at - at) / told


class Replica:
    """A backlog, workers that run what is let in in its order, and callers."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.backlog = Backlog(WORKERS, ROOM_SECONDS)
        self.waiting = deque()
        self.idle = WORKERS
        self.events = []

    def come(self, at, *, obeys):
        caller = Caller(self.random.uniform(0.5, 1.5) * MEAN_SECONDS, obeys)
        self._at(at, self._ask, caller)
        return caller

    def open_loop(self, start, seconds, rate, *, obeys=False):
        callers, at = [], start
        while (at := at + self.random.expovariate(rate)) < start + seconds:
            callers.append(self.come(at, obeys=obeys))
        return callers

    def run(self):
        while self.events:
            now, _, do, what = heapq.heappop(self.events)
            do(now, what)
            lane = self.backlog.lanes[Priority.INTERACTIVE]
            while self.idle and self.waiting:
                seconds = self.waiting.popleft()
                lane.waiting.remove(seconds)
                self.backlog.running.add(seconds)
                self.idle -= 1
                self._at(now + seconds, self._finish, seconds)

    def _at(self, time, do, what):
        heapq.heappush(self.events, (time, self.random.random(), do, what))

    def _ask(self, now, caller):
        patient = bool(caller.refused)
        try:
            self.backlog.admit(
                Priority.INTERACTIVE, caller.seconds, float("inf"), now, patient=patient
            )
        except QueueFullError as refusal:
            caller.refused.append((now, refusal.told_seconds))
            if caller.obeys:
                self._at(now + refusal.told_seconds + LATENCY_SECONDS, self._ask, caller)
        else:
            caller.let_in_at = now
            self.waiting.append(caller.seconds)
            self.backlog.lanes[Priority.INTERACTIVE].waiting.add(caller.seconds)

    def _finish(self, _, seconds):
        self.backlog.running.remove(seconds)
        self.idle += 1


def stretches(callers):
    return [caller.stretch for caller in callers if caller.refused]


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_that_obeys_is_told_when_it_gets_in(seed):
    replica = Replica(seed)
    crowd = [replica.come(1.0, obeys=True) for _ in range(int(10 * CAPACITY))]
    replica.run()
    assert max(told for caller in crowd for _, told in caller.refused) <= 10
    times = sorted(stretches(crowd))
    assert len(times) > 100
    assert median(times) < 1.1
    assert times[int(0.9 * len(times))] < 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times", [2, 5, 10])
def test_callers_who_do_not_come_back_are_soon_not_counted(seed, times):
    replica = Replica(seed)
    flood = replica.open_loop(0.0, 10.0, times * CAPACITY)
    replica.run()
    # The queue is full after 2 s at most, and another 1.75 s later it is known who came back.
    told = [told for caller in flood for at, told in caller.refused if at > 4.0]
    assert len(told) > 50
    assert sum(seconds > 1 for seconds in told) < 0.05 * len(told)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times", [2, 10])
def test_a_few_who_come_back_do_not_make_the_others_wait(seed, times):
    replica = Replica(seed)
    flood = replica.open_loop(0.0, 20.0, times * CAPACITY)
    flood += replica.open_loop(0.0, 20.0, 0.1 * CAPACITY, obeys=True)
    replica.run()
    # Who are still told a longer time at first are gone from the figures after their longest.
    told = [told for caller in flood for at, told in caller.refused if at > 10.0]
    assert sum(seconds > 1 for seconds in told) < 0.05 * len(told)


@pytest.mark.parametrize("seed", range(5))
def test_a_flood_is_forgotten_before_the_next_crowd(seed):
    replica = Replica(seed)
    replica.open_loop(0.0, 10.0, 10 * CAPACITY)
    crowd = [replica.come(32.0, obeys=True) for _ in range(int(10 * CAPACITY))]
    replica.run()
    assert median(stretches(crowd)) < 1.1


@pytest.mark.parametrize("seed", range(5))
def test_who_was_refused_twice_is_not_put_behind_the_whole_crowd(seed):
    """Right after a flood nobody is expected back, and most of a crowd is told too little."""
    replica = Replica(seed)
    replica.open_loop(0.0, 10.0, 10 * CAPACITY)
    crowd = [replica.come(13.0, obeys=True) for _ in range(int(10 * CAPACITY))]
    replica.run()
    assert all(caller.let_in_at is not None for caller in crowd)
    assert max(caller.let_in_at for caller in crowd) < 13.0 + 2 * 10.0
