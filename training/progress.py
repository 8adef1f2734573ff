"""What every long run shares: a token budget that shapes the learning rate, a log, checkpoints."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WARM_UP_SHARE = 0.06
CHECKPOINT_SECONDS = 180.0


@dataclass(slots=True)
class TokenBudget:
    """Counts the tokens a run has seen, over restarts, against those it may see.

    Tokens, not minutes: the learning rate of a step is then the same on every machine, and a run
    that was killed and resumed goes exactly where it would have gone.
    """

    tokens: int
    seen: int = 0

    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        return min(1.0, self.seen / self.tokens)

    def is_over(self) -> bool:
        """Whether the run should end now."""
        return self.seen >= self.tokens


def learning_rate_share(budget_share: float) -> float:
    """The learning rate as a share of its peak: linear up over the warm-up, linear down to zero."""
    if budget_share < WARM_UP_SHARE:
        return budget_share / WARM_UP_SHARE
    return (1.0 - budget_share) / (1.0 - WARM_UP_SHARE)


@dataclass(slots=True)
class Stopwatch:
    """Seconds of wall clock that a run has trained, over restarts; for the log only."""

    before_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds so far, those before the last restart included."""
        return self.before_seconds + time.monotonic() - self.started


class Journal:
    """Appends one JSON object a line to a run's log, and prints it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def write(self, **entry: Any) -> None:
        """Adds a line; floats are rounded to six digits."""
        rounded = {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in entry.items()
        }
        line = json.dumps(rounded)
        with self._path.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        print(line, flush=True)


@dataclass(slots=True)
class RecentSteps:
    """Named figures of the steps since the last line of the log, and how fast tokens went by."""

    tokens: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add(self, tokens: int, **figures: float) -> None:
        """Counts one step of ``tokens`` real tokens, without padding."""
        self.tokens += tokens
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def summary(self) -> dict[str, float]:
        """The mean of each figure, and ``tokens_per_second`` of wall clock."""
        means = {name: sum(values) / len(values) for name, values in self.figures.items()}
        return {"tokens_per_second": self.tokens / (time.monotonic() - self.started), **means}


@dataclass(slots=True)
class Interval:
    """Calls something once every ``seconds``."""

    seconds: float
    action: Callable[[], None]
    called: float = field(default_factory=time.monotonic)

    def call_if_due(self) -> None:
        """Calls the action if its time has come; its own duration does not count."""
        if time.monotonic() - self.called > self.seconds:
            self.action()
            self.called = time.monotonic()


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Calls ``write(temporary path)`` and moves the result into place: none is ever half there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    write(temporary)
    os.replace(temporary, path)
