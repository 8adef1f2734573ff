"""onnxruntime without a service: the texts already tokenised, padded and waiting in memory."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bench.batches import single_batches, sorted_batches

Feeds = dict[str, NDArray[np.int64]]
BUDGETS = (128, 256, 512)
"""Padded tokens in one run of the schemes that sort."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to run many texts: ``threads`` threads call a session of ``intra_op_threads``.

    ``padded_tokens`` is the budget of one run; None runs one text at a time, in order of arrival.
    """

    name: str
    threads: int
    intra_op_threads: int
    padded_tokens: int | None = None


def schemes(cores: int) -> list[Scheme]:
    """The ways that are tried to find the best of this machine."""
    alone = [
        Scheme(f"one text a run, 1 run on {cores} threads", 1, cores),
        Scheme(f"one text a run, {cores} runs on 1 thread", cores, 1),
    ]
    return alone + [
        Scheme(f"sorted, ≤ {budget} tokens, {cores} runs on 1 thread", cores, 1, budget)
        for budget in BUDGETS
    ]


def load_session(model: Path, intra_op_threads: int) -> ort.InferenceSession:
    """A session with onnxruntime's own defaults but for its thread count."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )


class InProcess:
    """A model and its texts in memory, to be run by any scheme."""

    def __init__(self, model: Path, rows: Sequence[Sequence[int]], pad_token_id: int) -> None:
        self._model = model
        self._rows = rows
        self._pad_token_id = pad_token_id
        self._sessions: dict[int, ort.InferenceSession] = {}

    def seconds(self, scheme: Scheme, positions: Sequence[int] | None = None) -> float:
        """Wall seconds until every text (or those at ``positions``) has been run by ``scheme``."""
        session = self._session(scheme.intra_op_threads)
        waiting: SimpleQueue[Feeds] = SimpleQueue()
        for feeds in self._batches(scheme, positions):
            waiting.put(feeds)

        def work() -> None:
            while True:
                try:
                    feeds = waiting.get_nowait()
                except Empty:
                    return
                session.run(None, feeds)

        threads = [threading.Thread(target=work) for _ in range(scheme.threads)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    def latencies(self, intra_op_threads: int, positions: Sequence[int]) -> list[float]:
        """Seconds of each text at ``positions`` run alone, one after the other."""
        session = self._session(intra_op_threads)
        seconds = []
        for position in positions:
            feeds = self._feeds(session, [position])
            start = time.perf_counter()
            session.run(None, feeds)
            seconds.append(time.perf_counter() - start)
        return seconds

    def _session(self, intra_op_threads: int) -> ort.InferenceSession:
        if intra_op_threads not in self._sessions:
            self._sessions[intra_op_threads] = load_session(self._model, intra_op_threads)
        return self._sessions[intra_op_threads]

    def _batches(self, scheme: Scheme, positions: Sequence[int] | None) -> list[Feeds]:
        chosen = list(range(len(self._rows)) if positions is None else positions)
        lengths = [len(self._rows[position]) for position in chosen]
        groups = (
            single_batches(lengths)
            if scheme.padded_tokens is None
            else sorted_batches(lengths, scheme.padded_tokens)
        )
        session = self._session(scheme.intra_op_threads)
        return [self._feeds(session, [chosen[index] for index in group]) for group in groups]

    def _feeds(self, session: ort.InferenceSession, positions: Sequence[int]) -> Feeds:
        """Inputs of one run, int64 ``[rows, padded_length]`` each."""
        rows = [self._rows[position] for position in positions]
        shape = (len(rows), max(map(len, rows)))
        feeds = {
            "input_ids": np.full(shape, self._pad_token_id, dtype=np.int64),
            "attention_mask": np.zeros(shape, dtype=np.int64),
            "token_type_ids": np.zeros(shape, dtype=np.int64),
        }
        for index, row in enumerate(rows):
            feeds["input_ids"][index, : len(row)] = row
            feeds["attention_mask"][index, : len(row)] = 1
        return {node.name: feeds[node.name] for node in session.get_inputs()}
