"""The lines under "Your own labels" in the README do what they say, pasted into a shell."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests.server import ServerProcess

pytest.importorskip("torch")

pytestmark = pytest.mark.parity

ROOT = Path(__file__).parents[2]
THINGS = ("the shoes", "a blue coat", "my order", "this lamp", "the two books", "a chair")
SENTENCES = {
    "refund": ("I want my money back for {}", "please refund {}", "why was {} not refunded yet"),
    "delivery": (
        "where is the parcel with {}",
        "the delivery of {} is late",
        "when will {} arrive",
    ),
    "praise": ("thank you, {} is great", "I love {}", "very happy with {}, excellent quality"),
}


def commands() -> list[list[str]]:
    """The README's lines as words: install, fine-tune, export, serve."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Your own labels")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line) for line in block[1].splitlines()]


def test_the_lines_lead_from_a_csv_to_an_endpoint(tmp_path: Path) -> None:
    install, train, export, serve = commands()
    assert [install, train[:3], export[:1], serve[:2]] == [
        ["make", "install-train"],
        [".venv/bin/python", "-m", "training"],
        [".venv/bin/albert-export"],
        [".venv/bin/albert-serve", "--models"],
    ]
    with (tmp_path / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for label, sentences in SENTENCES.items():
            rows.writerows((one.format(thing), label) for one, thing in product(sentences, THINGS))
    shutil.copytree(ROOT / "models" / "topics", tmp_path / "models" / "topics")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in ([*train[1:], "--threads", "1"], ["-m", "export", *export[1:]]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    with ServerProcess(tmp_path / serve[2]) as server:
        asked = {"inputs": "please refund the shoes"}
        answer = server.client.post("/v1/models/tickets", json=asked).json()
        model = server.client.get("/v1/models/tickets").json()
    assert max(answer[0], key=lambda one: one["score"])["label"] == "refund"
    assert model["labels"] == ["delivery", "praise", "refund"]
    assert model["evaluation"][0]["dataset"] == "tickets.csv, held-out"
