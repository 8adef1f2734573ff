"""Starts the open-loop generator, and says what its answers come to."""

import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.open_loop_job import Answer, OpenJob, Request, job_to_json
from bench.repository import ROOT

REFUSALS = (429, 504)
"""What an overloaded service may say."""


class OpenLoopProcess:
    """A job that runs in a process of its own while the ``with`` block does something else."""

    def __init__(self, job: OpenJob) -> None:
        self._job = job

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.open_loop_generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(job_to_json(self._job))
        self._process.stdin.close()
        self._process.stdin = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def is_running(self) -> bool:
        """Whether it still sends or waits."""
        return self._process.poll() is None

    def answers(self) -> "Answers":
        """Wait for the end. Raises BenchError when the process failed."""
        written, errors = self._process.communicate()
        if self._process.returncode != 0:
            raise BenchError(f"the open-loop generator failed:\n{errors.strip()}")
        report = json.loads(written)
        answers = [Answer(*row) for row in report["answers"]]
        return Answers(self._job, answers, report["cpu_seconds"])


def run_open_loop(job: OpenJob) -> "Answers":
    """Run ``job`` in a process of its own."""
    with OpenLoopProcess(job) as process:
        return process.answers()


@dataclass(frozen=True, slots=True)
class Answers:
    """Some answers of one job, or of several that were pooled."""

    job: OpenJob
    all: Sequence[Answer]
    load_cpu_seconds: float = 0.0
    """Processor seconds of the generator for the whole job, or for all jobs together."""

    def __len__(self) -> int:
        return len(self.all)

    def of_kind(self, *kinds: str) -> "Answers":
        """Those to requests of these kinds."""
        return self._those(
            answer for answer in self.all if self.job.requests[answer.request].kind in kinds
        )

    def with_status(self, *statuses: int) -> "Answers":
        """Those with one of these statuses."""
        return self._those(answer for answer in self.all if answer.status in statuses)

    def without_status(self, *statuses: int) -> "Answers":
        """Those with another status, those that never came (0) among them."""
        return self._those(answer for answer in self.all if answer.status not in statuses)

    def sent_within(self, start: float, end: float) -> "Answers":
        """Those to requests that were to be sent from ``start`` to ``end``, seconds."""
        return self._those(answer for answer in self.all if start <= answer.at < end)

    def done_within(self, start: float, end: float) -> "Answers":
        """Those that were whole from ``start`` to ``end``, seconds."""
        return self._those(
            answer for answer in self.all if start <= answer.at + answer.seconds < end
        )

    def to_requests(self, requests: Collection[int]) -> "Answers":
        """Those to the requests at these positions of the job."""
        return self._those(answer for answer in self.all if answer.request in requests)

    @property
    def seconds(self) -> list[float]:
        """From when each was to be sent to its answer."""
        return [answer.seconds for answer in self.all]

    @property
    def lateness(self) -> list[float]:
        """Seconds by which each was sent later than it was to be."""
        return [answer.sent - answer.at for answer in self.all]

    @property
    def tokens(self) -> int:
        """Tokens of all together."""
        return sum(answer.tokens for answer in self.all)

    def _those(self, answers: Iterable[Answer]) -> "Answers":
        return Answers(self.job, list(answers), self.load_cpu_seconds)


def pooled(measurements: Sequence[Answers]) -> Answers:
    """The answers of jobs that ran one after the other, at least one, as if they were of one job
    with the requests of all. Every time stays that after the start of the answer's own job.
    """
    requests: list[Request] = []
    together: list[Answer] = []
    chains = 0
    for answers in measurements:
        together += [
            answer._replace(request=len(requests) + answer.request, chain=chains + answer.chain)
            for answer in answers.all
        ]
        requests += answers.job.requests
        chains = 1 + max((answer.chain for answer in together), default=-1)
    return Answers(
        replace(measurements[0].job, requests=requests, arrivals=[], callers=[]),
        together,
        sum(answers.load_cpu_seconds for answers in measurements),
    )
