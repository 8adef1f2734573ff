"""Starts the load generator and reads its report."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from bench.errors import BenchError
from bench.load_generator import Job, LoadReport
from bench.repository import ROOT


def bodies_of(texts: Sequence[str]) -> list[str]:
    """The request body of each text."""
    return [json.dumps({"inputs": text}) for text in texts]


def run_load(job: Job) -> LoadReport:
    """Run ``job`` in a process of its own. Raises BenchError unless every answer was a 200."""
    report = run_generator(job)
    refused = Counter(status for status in report.statuses if status != 200)
    if refused:
        raise BenchError(f"the service did not answer every text; refusals by status: {refused}")
    return report


def run_generator(job: Job) -> LoadReport:
    """Run ``job`` in a process of its own, whatever the answers are. Raises BenchError."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench.load_generator"],
        input=json.dumps(asdict(job)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise BenchError(f"the load generator failed:\n{finished.stderr.strip()}")
    return LoadReport(**json.loads(finished.stdout))
