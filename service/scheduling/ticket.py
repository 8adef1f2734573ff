"""A sequence that was admitted, and the requests that wait for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.runtime.sequence import Sequence
from service.runtime.session import Logits

if TYPE_CHECKING:
    from service.scheduling.waiting import WaitingLine

SHORT_TOKENS = 64
"""Of a sequence that is short: its run alone is over soon, and several fill a batch."""


@dataclass(slots=True, eq=False)
class Submission:
    """All sequences of one request: they are answered together, or refused together.

    Owned by the scheduler until ``on_done`` is called, exactly once; afterwards by who submitted
    it.
    """

    deadline: float
    """Monotonic seconds."""
    on_done: Callable[["Submission"], None]
    tickets: list["Ticket"] = field(default_factory=list)
    rows: list[Logits | None] = field(default_factory=list)
    """Logits in the order of the sequences; complete when ``error`` is None."""
    unanswered: int = 0
    error: Exception | None = None
    settled: bool = False
    admitted: float = 0.0
    """Monotonic seconds."""
    first_started: float | None = None
    """Monotonic seconds at which the first of its sequences went into a run."""
    last_finished: float = 0.0
    """Monotonic seconds."""

    @property
    def logits(self) -> list[Logits]:
        """The answer, once there is one."""
        return [row for row in self.rows if row is not None]


@dataclass(slots=True, eq=False)
class Ticket:
    """One sequence that waits or runs, and the promise that it will be answered or refused.

    Identical sequences share one ticket (single flight), so several submissions may wait for it.
    """

    sequence: Sequence
    fingerprint: bytes
    line: "WaitingLine"
    due: float
    """Monotonic seconds that order the queue: admission time plus the predicted work of the same
    request before it.
    """
    cost_seconds: float
    """Predicted by the cost model when admitted."""
    takes_room: bool = True
    """Whether it counts in the admission of others; what a giant request has beyond its share does
    not.
    """
    waiting: bool = True
    turn: int = -1
    """The number of its turn, of which it may have been given a second one that is earlier."""
    started: float | None = None
    """Monotonic seconds at which it went into a run."""
    claims: dict[Submission, list[int]] = field(default_factory=dict)
    """Who waits for it, and as which of their sequences."""

    @property
    def is_short(self) -> bool:
        """Whether it has few tokens."""
        return self.sequence.length <= SHORT_TOKENS
