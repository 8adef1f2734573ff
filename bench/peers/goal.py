"""What the peers are held against."""

from dataclasses import dataclass

P99_GOAL = 0.7
"""Times the lowest of the peers'."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked for, what was reached, and whether that is enough."""

    goal: str
    reached: str
    met: bool
