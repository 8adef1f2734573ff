"""Whether Retry-After told the truth: too short for callers who obeyed it, or too long."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.open_loop import Answers
from bench.open_loop_job import Answer

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


@dataclass(frozen=True, slots=True)
class Judged:
    """How many refusals could be judged by when there was room, and how many of them told too much
    and too little.
    """

    refusals: int = 0
    too_long: int = 0
    too_short: int = 0

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(
            self.refusals + other.refusals,
            self.too_long + other.too_long,
            self.too_short + other.too_short,
        )

    @property
    def share_too_long(self) -> float:
        """0 to 1, of those that could be judged; 0 where none could."""
        return self.too_long / self.refusals if self.refusals else 0.0

    @property
    def share_too_short(self) -> float:
        """0 to 1, of those that could be judged; 0 where none could."""
        return self.too_short / self.refusals if self.refusals else 0.0


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


def told_wrong(answers: Answers, lengths: Sequence[int], factor: float = 2.0) -> Judged:
    """The refusals that told more than ``factor`` times the time after which there was room, and
    less than that time over ``factor``, of one job: times of several are not comparable.

    There was room when the next request at least as long (``lengths``: tokens of each request of
    the job) was let in. Refusals after which none came are left out, and what tells the least that
    can be told is not too long.
    """
    let_in: list[tuple[float, int]] = []
    """Times and lengths of what was let in later, latest first, without those that a longer one
    came before: read from its end, the first that is long enough is the next."""
    judged = too_long = too_short = 0
    for answer in sorted(answers.all, key=lambda answer: -answer.at):
        length = lengths[answer.request]
        if answer.status == 200:
            while let_in and let_in[-1][1] <= length:
                let_in.pop()
            let_in.append((answer.at, length))
        elif answer.status == 429 and answer.retry_after is not None:
            room = next((at for at, longest in reversed(let_in) if longest >= length), None)
            if room is None:
                continue
            judged += 1
            too_long += answer.retry_after > max(LEAST_SECONDS, factor * (room - answer.at))
            too_short += answer.retry_after < (room - answer.at) / factor
    return Judged(judged, too_long, too_short)
