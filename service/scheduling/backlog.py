"""The predicted seconds of work that the workers owe, and whether more may be added."""

from dataclasses import dataclass

from service.scheduling.comebacks import Comebacks
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.priority import BULK_SHARE, Priority

KEPT_SHARE = 0.2
"""Of the room: what is kept for large requests and patient callers."""

GIANT_SHARE = 0.5
"""Of the room: what one request takes up at most."""

TYPICAL_WEIGHT = 0.02
"""Of each admitted request in what is typical: the last fifty or so decide."""

ATYPICAL_TIMES = 4.0
"""Of what is typical, as which a larger request counts at most: one giant says nothing of those
that come after it, and two hundred that are taken for giants are refused while nothing waits."""

KNOWN_REQUESTS = 10
"""Admitted, from which on what is typical is known. Until then the room that those take of which
nothing is known is counted for less: who is let in too many is refused when it was read."""

ALIKE_SECONDS = 0.02
"""For which refusals of requests that nobody read are told the same. To look again at all that is
ahead of each took the door more than half of its time, and meanwhile little of it changes."""

ALIKE_WORK_SECONDS = 0.25
"""Of all workers: as much work is told the same at most, so that a crowd is still told to come back
one after the other."""


class Sum:
    """Predicted seconds of several pieces of work, and how many they are."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Add one piece of work."""
        self.count += 1
        self.seconds += seconds

    def remove(self, seconds: float) -> None:
        """Take away one that was added. No rounding error survives the last one."""
        self.count -= 1
        self.seconds = self.seconds - seconds if self.count else 0.0


@dataclass(slots=True)
class _Alike:
    """What the next ones are told as well: until then, and for so many seconds of work."""

    refusal: QueueFullError
    until: float
    seconds_left: float


class Lane:
    """What one priority has in the queue, and what it was refused."""

    def __init__(self, workers: int) -> None:
        self.comebacks = Comebacks(workers)
        self.alike: _Alike | None = None
        """The last refusal of a request that nobody read."""

        self.admitted = 0
        self.typical_seconds = 0.0
        """Predicted work of a request of which nothing is known."""

        self.waiting = Sum()
        self.reserved = Sum()
        """Of requests that are still being tokenised."""

        self.waiting_excess = Sum()
        self.reserved_excess = Sum()
        """What one giant request has beyond its share of the room."""

    @property
    def seconds(self) -> float:
        """Predicted work that takes room."""
        return self.waiting.seconds + self.reserved.seconds

    @property
    def all_seconds(self) -> float:
        """Predicted work, a giant's included."""
        return self.seconds + self.waiting_excess.seconds + self.reserved_excess.seconds

    @property
    def waiting_count(self) -> int:
        """Sequences that wait."""
        return self.waiting.count + self.waiting_excess.count

    def coming_seconds(self, requests: int) -> float:
        """Predicted work of so many of which nothing is known, as far as it is known by now what
        is typical.
        """
        known = min(1.0, self.admitted / KNOWN_REQUESTS)
        return requests * known * self.typical_seconds

    def learn_typical(self, seconds: float, sequences: int) -> None:
        """A request of so many was admitted. Of the first, one sequence is taken for typical."""
        if not self.admitted:
            seconds = self.typical_seconds = seconds / sequences
        self.admitted += 1
        most = ATYPICAL_TIMES * self.typical_seconds
        weight = max(TYPICAL_WEIGHT, 1 / self.admitted)
        self.typical_seconds += weight * (min(seconds, most) - self.typical_seconds)


class Backlog:
    """What waits, what is still being tokenised, and what runs. Owned by the scheduler.

    For each priority, the time in which all ``workers`` together are predicted to run what waits,
    requests still being tokenised included, stays within ``max_queue_seconds``; a request that
    alone is larger is admitted when nothing else of its priority waits.

    A giant request takes up half of the room at most, one at a time: its sequences give way to
    those of later requests, so what they take beyond that is nobody's wait but its own.

    The last fifth is kept for requests that are larger than others and for callers who come back
    when they were told to. So short texts do not slip in where long ones are refused, and patience
    is not answered with another refusal.
    """

    def __init__(self, workers: int, max_queue_seconds: float) -> None:
        self._workers = workers
        self._room_seconds = max_queue_seconds * workers
        self.lanes = {priority: Lane(workers) for priority in Priority}
        self.running = Sum()

    @property
    def waiting_count(self) -> int:
        """Sequences that wait."""
        return sum(lane.waiting_count for lane in self.lanes.values())

    @property
    def queue_seconds(self) -> float:
        """Predicted seconds until the workers have run all that waits or is being tokenised."""
        return sum(lane.all_seconds for lane in self.lanes.values()) / self._workers

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, is being tokenised or runs."""
        return not (
            self.waiting_count
            or any(lane.reserved.count for lane in self.lanes.values())
            or self.running.count
        )

    def room_for(self, priority: Priority, sequences: int, seconds: float) -> float:
        """The seconds of room that a request of so many sequences and seconds takes."""
        lane = self.lanes[priority]
        if sequences == 1 or lane.waiting_excess.count or lane.reserved_excess.count:
            return seconds
        return min(seconds, GIANT_SHARE * self._room_seconds)

    def admit(
        self,
        priority: Priority,
        seconds: float,
        deadline: float,
        now: float,
        *,
        sequences: int = 1,
        patient: bool = False,
        let_in: bool = False,
    ) -> None:
        """Raise QueueFullError or DeadlineExceededError when ``seconds`` more may not be added.

        ``patient``: the caller was refused before, and waited as long as it was told. ``let_in``:
        the queue was not full when the request came (``is_full``), and whatever has filled it since
        came later.
        """
        lane = self.lanes[priority]
        if patient:
            lane.comebacks.returned(now)
        asked = self.room_for(priority, sequences, seconds)
        if not (patient or let_in):
            asked = max(asked, KEPT_SHARE * self._room_seconds)
        if lane.seconds > 0 and lane.seconds + asked > self._room_seconds:
            raise self.refusal(priority, seconds, now, asked, patient=patient)
        self.refuse_if_too_late(priority, seconds, deadline, now)
        lane.learn_typical(seconds, sequences)

    def is_full(self, priority: Priority, coming: int = 0) -> bool:
        """Whether there is room for nobody but patient callers, whatever they ask, when so many
        typical requests have come in that were let in already.
        """
        lane = self.lanes[priority]
        ahead = lane.seconds + lane.coming_seconds(coming)
        return ahead > 0 and ahead + KEPT_SHARE * self._room_seconds > self._room_seconds

    def refuse_unread(self, priority: Priority, now: float) -> QueueFullError:
        """The refusal of a request of which nothing is known, and which will be typical. Those of
        one moment are told the same, by the same object, and each is counted.
        """
        lane = self.lanes[priority]
        seconds = lane.typical_seconds
        alike = lane.alike
        if alike is not None and now < alike.until and seconds <= alike.seconds_left:
            alike.seconds_left -= seconds
            lane.comebacks.refused(seconds, now, now + alike.refusal.told_seconds)
            return alike.refusal
        refusal = self.refusal(priority, seconds, now, KEPT_SHARE * self._room_seconds)
        left = ALIKE_WORK_SECONDS * self._workers - seconds
        lane.alike = _Alike(refusal, now + ALIKE_SECONDS, left)
        return refusal

    def refusal(
        self,
        priority: Priority,
        seconds: float,
        now: float,
        asked: float,
        *,
        patient: bool = False,
    ) -> QueueFullError:
        """The refusal of ``seconds`` of work that needed ``asked`` seconds of room."""
        lane = self.lanes[priority]
        # There is room again when enough of what is ahead has run.
        surplus = max(0.0, min(lane.seconds, lane.seconds + asked - self._room_seconds))
        refusal = QueueFullError(
            self._seconds_until_room(priority, surplus, now, patient=patient),
            priority,
            lane.seconds / self._workers,
        )
        lane.comebacks.refused(seconds, now, now + refusal.told_seconds)
        return refusal

    def _seconds_until_room(
        self, priority: Priority, surplus: float, now: float, *, patient: bool
    ) -> float:
        """Until the workers have taken ``surplus`` seconds of this priority, and what will have
        come back by the whole second in which they have. Who waited already is not put behind those
        who are yet to come: its turn was before theirs.

        What runs now is not ahead: when it is done as much will run that waits now.
        """
        needed = self._shared_by(priority, surplus) / self._workers
        if patient:
            return needed
        for second, work in enumerate(self.lanes[priority].comebacks.by_second(now), start=1):
            if second >= needed:  # as far as is known: each second may bring more
                needed = self._shared_by(priority, surplus + work) / self._workers
                if second >= needed:
                    break
        return needed

    def refuse_if_too_late(
        self, priority: Priority, seconds: float, deadline: float, now: float
    ) -> None:
        """Raise DeadlineExceededError when ``seconds`` more would be done after ``deadline``."""
        predicted = self._seconds_until_run(priority, self.lanes[priority].seconds + seconds)
        if now + predicted > deadline:
            raise DeadlineExceededError(
                f"The answer is predicted to take {predicted:.2g} s "
                f"and the deadline is in {max(0.0, deadline - now):.2g} s."
            )

    def _seconds_until_run(self, priority: Priority, seconds: float) -> float:
        """Until the workers have run ``seconds`` of this priority behind what runs now."""
        return (self.running.seconds + self._shared_by(priority, seconds)) / self._workers

    def _shared_by(self, priority: Priority, seconds: float) -> float:
        """``seconds`` of this priority, and what the other has run meanwhile.

        Each priority has its share of the workers while the other waits too, and all of them when
        the other has been run.
        """
        other = self.lanes[_OTHER[priority]].seconds
        share = BULK_SHARE if priority is Priority.BULK else 1 - BULK_SHARE
        return seconds + min(other, seconds * (1 - share) / share)


_OTHER = {
    Priority.INTERACTIVE: Priority.BULK,
    Priority.BULK: Priority.INTERACTIVE,
}
