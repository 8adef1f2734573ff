import json
from pathlib import Path

import pytest

from training.progress import (
    WARM_UP_SHARE,
    Journal,
    Stopwatch,
    TokenBudget,
    learning_rate_share,
    replace_whole,
)


def test_the_learning_rate_rises_to_its_peak_and_ends_at_zero() -> None:
    assert learning_rate_share(0.0) == 0
    assert learning_rate_share(WARM_UP_SHARE) == 1
    assert learning_rate_share(1.0) == 0
    assert learning_rate_share(0.2) > learning_rate_share(0.6)


def test_a_resumed_budget_counts_what_was_seen_before() -> None:
    budget = TokenBudget(tokens=200, seen=150)
    assert budget.share() == 0.75
    assert not budget.is_over()
    budget.seen += 50
    assert budget.is_over()


def test_a_budget_that_was_overrun_is_spent_once() -> None:
    assert TokenBudget(tokens=200, seen=260).share() == 1


def test_a_resumed_stopwatch_goes_on_from_its_seconds() -> None:
    assert Stopwatch(before_seconds=90).seconds() >= 90


def test_the_journal_appends_lines_of_json(tmp_path: Path) -> None:
    Journal(tmp_path / "run.jsonl").write(step=1, loss=1 / 3)
    Journal(tmp_path / "run.jsonl").write(step=2)
    lines = (tmp_path / "run.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": 0.333333}, {"step": 2}]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("old")

    def broken(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_whole(path, broken)
    assert path.read_text() == "old"
