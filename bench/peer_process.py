"""A process that holds one graph and runs it when it is asked, for fair turns between runtimes."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.repository import ROOT

STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ran:
    """What the counted runs took together, and what ``bench.peer_worker.run`` says besides."""

    seconds: float
    processor_seconds: float
    grown_bytes: int
    logits: list[float]


class PeerProcess:
    """``bench.peer_worker`` under the Python of either environment, its graph loaded when the
    ``with`` block begins. Between two runs it waits for a line and computes nothing.
    """

    def __init__(self, python: Path, runtime: str, file: Path) -> None:
        self._command = [str(python), "-m", "bench.peer_worker", runtime, str(file.resolve())]

    def __enter__(self) -> Self:
        self._log = TemporaryFile(mode="w+")
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            self.precision: str = self._answer()["precision"]
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def run(self, ids: NDArray[np.int64], runs: int) -> Ran:
        """Run ``ids``, int64 [batch, tokens], once uncounted and then ``runs`` times."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: the answer that does not come says how
            print(json.dumps({"ids": ids.tolist(), "runs": runs}), file=self._process.stdin)
            self._process.stdin.flush()
        return Ran(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait(STOP_SECONDS)
            self._log.seek(0)
            raise BenchError(f"ended with status {status}: {last_line(self._log.read())}")
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise BenchError(one_line(answer["failure"]))
        return answer

    def _stop(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()  # the end of its input is the end of its work
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def last_line(text: str) -> str:
    """The last line of ``text`` that says anything, without the box around a usage error."""
    lines = (line.strip(" ╭─╮│╰╯") for line in text.splitlines())
    return next(reversed([line for line in lines if line]), "")


def one_line(text: str, characters: int = 160) -> str:
    """``text`` in one line of a table, cut where it is too long."""
    line = " ".join(text.split()).replace("|", "/")
    return line if len(line) <= characters else f"{line[: characters - 1]}…"


def run_to_the_end(command: Sequence[str | Path], **keywords: Any) -> None:
    """Run a command that is wanted for its files alone; BenchError when it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **keywords
    )
    if done.returncode != 0:
        raise BenchError(last_line(done.stderr) or f"ended with status {done.returncode}")
