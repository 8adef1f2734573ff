"""Why the scheduler says no."""

import math

from service.scheduling.priority import Priority


class SchedulingError(Exception):
    """Base of the refusals of this package."""


class QueueFullError(SchedulingError):
    """More predicted work of a ``priority`` is waiting than may wait.

    ``retry_after_seconds`` is when there will be room, and ``told_seconds`` what the caller is told
    of it: whole seconds are all that can be (RFC 9110, 10.2.3). ``queue_seconds`` is what all
    workers together need for what waits.
    """

    def __init__(
        self, retry_after_seconds: float, priority: Priority, queue_seconds: float
    ) -> None:
        super().__init__("The queue is full.")
        self.retry_after_seconds = retry_after_seconds
        self.told_seconds = max(1, math.ceil(retry_after_seconds))
        self.priority = priority
        self.queue_seconds = queue_seconds


class DeadlineExceededError(SchedulingError):
    """The deadline passed, or cannot be met any more."""


class ClosedError(SchedulingError):
    """The scheduler takes no more work, or was stopped before this work ran."""
