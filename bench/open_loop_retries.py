"""Whether Retry-After told the truth: too short for callers who obeyed it, or too long."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.open_loop import Answers
from bench.open_loop_generator import Answer

LEAST_SECONDS = 1.0
"""Retry-After is in whole seconds (RFC 9110, 10.2.3), so no refusal can tell less."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One caller who was refused and did as told: seconds that it was told at first, seconds from
    the first refusal until it was let in, refusals in between.
    """

    told: float
    waited: float
    refusals: int

    @property
    def stretch(self) -> float:
        """How many times as long as told it took."""
        return self.waited / self.told


def waits(answers: Answers, end: float) -> list[Wait]:
    """Of every obeying caller that was refused at first.

    Let in means sent for the last time, not answered. One who was still out at ``end`` (seconds)
    counts as let in then if it had waited longer than told, and not at all otherwise.
    """
    chains: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers.all:
        chains[answer.chain].append(answer)
    found = []
    for chain in chains.values():
        chain.sort(key=lambda answer: answer.at)
        first, last = chain[0], chain[-1]
        if first.status != 429:
            continue
        told = first.retry_after or LEAST_SECONDS
        refused_at = first.at + first.seconds
        out = last.status == 429
        waited = (end if out else last.at) - refused_at
        if not out or waited > told:
            found.append(Wait(told, waited, sum(answer.status == 429 for answer in chain)))
    return found


def told_too_long(answers: Answers, lengths: Sequence[int], factor: float = 2.0) -> float:
    """The share of refusals that told more than ``factor`` times the time after which there was
    room.

    There was room when the next request at least as long (``lengths``: tokens of each request of
    the job) was let in. Refusals after which none came are left out, and so is what tells the
    least that can be told.
    """
    ordered = sorted(answers.all, key=lambda answer: answer.at)
    next_let_in: list[tuple[float, int]] = []
    """Times of requests that were let in, latest first, each longer than those before it in time:
    a stack from which a refusal's next larger one is read."""
    wrong = judged = 0
    for answer in reversed(ordered):
        length = lengths[answer.request]
        if answer.status == 200:
            while next_let_in and next_let_in[-1][1] <= length:
                next_let_in.pop()
            next_let_in.append((answer.at, length))
        elif answer.status == 429 and answer.retry_after is not None:
            room = next((at for at, longest in reversed(next_let_in) if longest >= length), None)
            if room is None:
                continue
            judged += 1
            wrong += answer.retry_after > max(LEAST_SECONDS, factor * (room - answer.at))
    return wrong / judged if judged else 0.0
