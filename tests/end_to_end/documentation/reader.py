"""Somebody who pastes what a page shows, in a directory with the files that it speaks of."""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.documentation.blocks import ROOT, Block
from tests.keys import ALICE
from tests.server import ServerProcess

JAVASCRIPT = ROOT / "tests" / "javascript"
SHOWN_ADDRESS = "127.0.0.1:8000"
TEXTS = ("A warm, funny film.", "It broke after a week.", "Great value, and it works.")
CONTEXT = "The treaty was signed in Lisbon on 13 December 2007 by all member states."
QUESTION = {"question": "Where was the treaty signed?", "context": CONTEXT}


def prepare(directory: Path) -> None:
    """Write the files and the programs that the pages name."""
    requests = "".join(f"{json.dumps({'inputs': text})}\n" for text in TEXTS)
    (directory / "requests.ndjson").write_text(requests)
    (directory / "answers.ndjson").write_text("[]\n")
    (directory / "questions.ndjson").write_text(f"{json.dumps(QUESTION)}\n")
    (directory / "treaty.txt").write_text(CONTEXT)
    for name, column in (("reviews.csv", "review"), ("mails.csv", "subject")):
        with (directory / name).open("w", newline="") as file:
            csv.writer(file).writerows([["number", column], *enumerate(TEXTS)])
    rows = [f"{number}\tsome shop\t{text}\n" for number, text in enumerate(TEXTS)]
    (directory / "reviews.tsv").write_text("".join(rows))
    programs = directory / ".venv" / "bin"
    programs.mkdir(parents=True)
    python = shlex.quote(sys.executable)
    for name, line in {
        "albert-ask": f'exec {python} -m client "$@"',
        "python3": f'exec {python} "$@"',
        "make-requests": "exec cat requests.ndjson",
        "use-answers": "exec cat",
    }.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)


def paste(block: Block, server: ServerProcess, directory: Path) -> str:
    """What the block prints when it is run against ``server`` in ``directory``."""
    program = block.text.replace(SHOWN_ADDRESS, f"127.0.0.1:{server.port}")
    if block.language == "sh":
        command = ["sh", "-ec", program]
    elif block.language == "python":
        command = [sys.executable, "-c", program]
    else:
        command = ["node", "--input-type=module", "--eval", program]
        if shutil.which("node") is None:
            pytest.skip("node is not there")
        if "@huggingface" in program:
            directory = JAVASCRIPT
            if not (directory / "node_modules").is_dir():
                pytest.skip("the client is not installed: npm ci --prefix tests/javascript")
    done = subprocess.run(
        command,
        cwd=directory,
        env=_environment(server, directory),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _environment(server: ServerProcess, directory: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if "PROXY" not in key.upper() and not key.startswith("ALBERT_")
    }
    path = f"{directory / '.venv' / 'bin'}{os.pathsep}{kept['PATH']}"
    own = {"ALBERT_URL": server.url, "ALBERT_API_KEY": ALICE}
    return {**kept, **own, "PATH": path, "PYTHONPATH": str(ROOT)}
