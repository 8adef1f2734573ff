"""Every step of the ladder answers as the table says, and the table says what was measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.checkpoints import write_checkpoint
from bench.errors import BenchError
from bench.http_cost import BEGIN, END, WARMING_REQUESTS, bodies_for
from bench.http_ladder import DEFAULT, STEPS, Turn, shares, table
from bench.marked_page import split_page
from export.exporter import ExportRequest, export_checkpoint


def turns_of(seconds: float) -> list[Turn]:
    return [Turn(seconds, seconds / 2, 1 / seconds) for _ in range(3)]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="server and load need a core each")
def test_every_step_is_served_and_measured(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint")
    request = ExportRequest(checkpoint, DEFAULT, tmp_path / "models")
    export_checkpoint(request, lambda *_: None)
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\nafter\n")
    command = [sys.executable, "-m", "bench.http_cost", "--requests", "100", "--rounds", "1"]
    command += ["--connections", "4", "--models", str(tmp_path / "models"), "--page", str(page)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written = page.read_text()
    for step in STEPS:
        assert f"| {step.says} |" in said
    assert "old" not in written
    assert said.strip() in written
    assert written.startswith("before")
    assert written.endswith("after\n")


def test_a_step_adds_the_difference_to_the_one_before_it() -> None:
    turns = {step.name: turns_of(100e-6) for step in STEPS}
    turns["body"] = turns_of(120e-6)
    lines = {line.split(" | ")[0].strip("| "): line for line in table(turns).splitlines()}
    assert "| 120 (120 – 120) | 60 (60 – 60) | 30 (30 – 30) | 8333" in lines["+ headers and body"]
    assert "| -30 (-30 – -30) |" in lines["+ JSON and its validation"]


def test_a_share_is_one_of_requests_per_second() -> None:
    turns = {step.name: turns_of(100e-6) for step in STEPS}
    turns["whole"], turns["starlette"] = turns_of(400e-6), turns_of(200e-6)
    turns["fastapi"], turns["cached"] = turns_of(300e-6), turns_of(150e-6)
    lines = {line.partition(":")[0]: line for line in shares(turns).splitlines()}
    own = lines["- with the small model"]
    assert "0.75 (0.75 – 0.75) of the FastAPI route's with pydantic models" in own
    assert "0.50 (0.50 – 0.50) of the Starlette route's" in own
    assert "0.25 (0.25 – 0.25) of the constant's that takes the same" in own
    assert (
        "2.00 (2.00 – 2.00) of the FastAPI"
        in lines[f"- with `{DEFAULT}` and all answers in the cache"]
    )


def test_the_cache_is_asked_only_for_what_warming_put_there() -> None:
    [cached] = [step for step in STEPS if step.name == "cached"]
    bodies = [str(number) for number in range(2 * WARMING_REQUESTS + 7)]
    asked = bodies_for(cached, bodies)
    assert len(asked) == len(bodies)
    assert set(asked) == set(bodies[:WARMING_REQUESTS])


def test_a_page_without_a_place_for_the_figures_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(BenchError, match="has no place"):
        split_page(page, BEGIN, END)
