"""The predicted seconds of work that the workers owe, and whether more may be added."""

from service.scheduling.errors import DeadlineExceededError, QueueFullError


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


class Backlog:
    """What waits, what is still being tokenised, and what runs. Owned by the scheduler.

    The time in which all ``workers`` together are predicted to run what waits, requests still being
    tokenised included, stays within ``max_queue_seconds``; a request that alone is larger is
    admitted when nothing else waits.
    """

    def __init__(self, workers: int, max_queue_seconds: float) -> None:
        self._workers = workers
        self._room_seconds = max_queue_seconds * workers
        self.waiting = Sum()
        self.reserved = Sum()
        self.running = Sum()

    @property
    def queue_seconds(self) -> float:
        """Predicted seconds until the workers have run all that waits or is being tokenised."""
        return (self.waiting.seconds + self.reserved.seconds) / self._workers

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, is being tokenised or runs."""
        return not (self.waiting.count or self.reserved.count or self.running.count)

    def admit(self, seconds: float, deadline: float, now: float) -> None:
        """Raise QueueFullError or DeadlineExceededError when ``seconds`` more may not be added."""
        ahead = self.waiting.seconds + self.reserved.seconds
        if ahead > 0 and ahead + seconds > self._room_seconds:
            # There is room again when enough of what is ahead has run to let this request in.
            surplus = min(ahead, ahead + seconds - self._room_seconds)
            raise QueueFullError((surplus + self.running.seconds) / self._workers)
        self.refuse_if_too_late(seconds, deadline, now)

    def refuse_if_too_late(self, seconds: float, deadline: float, now: float) -> None:
        """Raise DeadlineExceededError when ``seconds`` more would be done after ``deadline``."""
        ahead = self.waiting.seconds + self.reserved.seconds + self.running.seconds
        predicted = (ahead + seconds) / self._workers
        if now + predicted > deadline:
            raise DeadlineExceededError(
                f"The answer is predicted to take {predicted:.2g} s "
                f"and the deadline is in {max(0.0, deadline - now):.2g} s."
            )
