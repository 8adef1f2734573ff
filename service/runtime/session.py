"""One onnxruntime session for a model, shared by all worker threads."""

import os
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Rows
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.runtime.device import CPU, CUDA_PROVIDER, Device, DeviceError
from service.runtime.lookup_tables import Table, lookup_tables
from service.runtime.priority import be_overtaken
from service.runtime.sequence import Batch, Sequence
from service.runtime.wide_cores import WideCores

Logits = tuple[NDArray[np.float32], ...]
"""The outputs for one row: ``([labels],)`` of a classifier, ``([length], [length])`` for question
answering.
"""

SEQUENCE_AXIS = "sequence"
ONLY_FATAL = 4
"""onnxruntime's severity."""
SHRINK_ARENA = "memory.enable_memory_arena_shrinkage"
"""onnxruntime's name for the devices whose arena gives back, after a run, what it grew by."""
SPIN_MICROSECONDS = "50"
"""For which the threads of a run on several cores wait for its next part before they sleep. Where a
run that goes first has one of the cores, they take turns on what is left, and to spin is to keep
each other waiting: on two cores 128 tokens took four times as long as alone, 2.5 times with these
50 us. Alone they take as long as with onnxruntime's default (one-off scripts, in turns)."""
GROWING_TOKENS = 64
"""Padded tokens in a run, up to which what the arena grows by is not worth giving back."""


class StoppedError(Exception):
    """A run was stopped before its end."""


class StopSignal:
    """Ends one run of a session early. ``stop`` may be called from any thread, at any time.

    onnxruntime writes an error to standard error for a run that is ended, beside raising it: only
    its fatal ones are left in.
    """

    def __init__(self) -> None:
        self.options = ort.RunOptions()
        self.options.log_severity_level = ONLY_FATAL

    @property
    def is_set(self) -> bool:
        """Whether the run was told to stop."""
        stopped: bool = self.options.terminate
        return stopped

    def stop(self) -> None:
        """Let the run end before its next operator."""
        self.options.terminate = True


class Session:
    """A loaded graph. ``run`` may be called by several threads at once and releases the GIL.

    A run takes the core of the thread that calls it. After ``widen`` one that is told so takes
    several. ``packs``: the graph computes nothing but attention at padded positions. DeviceError if
    onnxruntime cannot use the device.
    """

    def __init__(
        self, model: bytes, *, pad_token_id: int, packs: bool = False, device: Device = CPU
    ) -> None:
        # onnxruntime reads them where they are: they must outlive the sessions.
        self._tables = {} if device.is_gpu else _held(lookup_tables(model))
        self._session = _open(model, 1, device, self._tables)
        self._wide: ort.InferenceSession | None = None
        self._wide_cores = WideCores(1, [])
        self.device = device
        self.packs = packs
        self._pad_token_id = pad_token_id
        self._input_names = {node.name for node in self._session.get_inputs()}
        outputs = self._session.get_outputs()
        self.output_names = tuple(node.name for node in outputs)
        self._per_token = [SEQUENCE_AXIS in node.shape for node in outputs]
        self._may_have_grown = False

    def widen(self, model: bytes, threads: int, *, overtaken: bool = False) -> None:
        """Open the same ``model`` a second time, for runs on ``threads`` cores. ``overtaken``: what
        overtakes such a run has one core, and the session's own threads give way to it as the
        workers do.

        A session's thread count is fixed, and onnxruntime shares neither packed weights nor threads
        between two: this doubles what the model holds in memory, but for its embedding tables.
        """
        self._wide_cores = WideCores(threads, os.sched_getaffinity(0))
        open_it = partial(
            _open, model, threads, self.device, self._tables, affinities=self._wide_cores.affinities
        )
        self._wide = _as_overtaken(open_it) if overtaken else open_it()

    @property
    def widens(self) -> bool:
        """Whether it has been widened."""
        return self._wide is not None

    def run(
        self, rows: Rows[Sequence], *, wide: bool = False, stop: StopSignal | None = None
    ) -> list[Logits]:
        """Logits of each row, float32, without its padding. All rows go through in one batch, on
        several cores if it is ``wide`` and the session was widened.

        StoppedError if it ended early by ``stop``.
        """
        batch = Batch.of(rows, self._pad_token_id)
        feeds = {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "token_type_ids": batch.token_type_ids,
        }
        if batch.input_ids.size > GROWING_TOKENS:
            self._may_have_grown = True
        inputs = {name: feeds[name] for name in self._input_names}
        stop = stop or StopSignal()
        try:
            if wide and self._wide is not None:
                with self._wide_cores.lead():
                    outputs = self._wide.run(self.output_names, inputs, stop.options)
            else:
                outputs = self._session.run(self.output_names, inputs, stop.options)
        except Exception as error:
            if stop.is_set:
                raise StoppedError from error
            raise
        return [
            tuple(
                output[index, : row.length] if per_token else output[index]
                for output, per_token in zip(outputs, self._per_token, strict=True)
            )
            for index, row in enumerate(rows)
        ]

    def give_back(self) -> bool:
        """Have the arena give back what runs made it grow by, as far as no other run is in it. It
        does so at the end of a run alone: of one of a single token. Whether there was need to.

        While there is work it should keep what it has: asking the system for pages and giving them
        back with each large run takes 2 % of the processor time, and memory goes up and down by a
        quarter.
        """
        if self.device.is_gpu or not self._may_have_grown:
            return False
        self._may_have_grown = False
        token = np.full(1, self._pad_token_id, dtype=np.int64)
        shrinking = StopSignal()
        shrinking.options.add_run_config_entry(SHRINK_ARENA, "cpu:0")
        self.run([Sequence(token, np.zeros_like(token))], stop=shrinking)
        return True


def _as_overtaken(action: Callable[[], ort.InferenceSession]) -> ort.InferenceSession:
    """What ``action`` gives, called by a thread that is as nice as workers whose runs may be
    overtaken: threads that it starts are so too, for the rest of their lives. Beside a text on
    every core 32 tokens on one took 82 ms so, 79 alone, and 146 while the session's own thread was
    as nice as they (two cores of an AMD EPYC, four turns of 20 runs, a one-off script).
    """
    with ThreadPoolExecutor(1, initializer=be_overtaken) as thread:
        return thread.submit(action).result()


def _held(tables: Mapping[str, Table]) -> dict[str, ort.OrtValue]:
    """The tables as onnxruntime's own values, which hold the arrays."""
    return {name: ort.OrtValue.ortvalue_from_numpy(table) for name, table in tables.items()}


def _open(
    model: bytes,
    threads: int,
    device: Device,
    tables: Mapping[str, ort.OrtValue],
    *,
    affinities: str | None = None,
) -> ort.InferenceSession:
    """A session of exactly these bytes, without keeping them.

    Memory patterns are off because every batch has another shape: onnxruntime would keep a plan for
    each. Its threads spin during a run only, and not for long, because an idle service should leave
    the processor to others. Its arena is the one of ``service.runtime.memory``, where that has been
    made. ``tables`` take the place of what the graph has under the same names. ``affinities``: the
    cores of its own threads (``WideCores``).

    Given bytes, onnxruntime's InferenceSession holds on to them for its lifetime; given a path, it
    does not. The path is that of an anonymous file in memory, so nobody can swap what was verified.
    """
    if device.is_gpu:
        ort.preload_dlls()  # of the packages that pip installs beside onnxruntime-gpu
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
    if affinities is not None:
        options.add_session_config_entry("session.intra_op_thread_affinities", affinities)
    if not device.is_gpu:
        options.add_session_config_entry("session.use_env_allocators", "1")
    for name, table in tables.items():
        options.add_initializer(name, table)
    descriptor = os.memfd_create("model.onnx")
    with open(descriptor, "wb") as file:
        file.write(model)
        file.flush()
        session = ort.InferenceSession(
            f"/proc/self/fd/{descriptor}",
            sess_options=options,
            providers=device.providers(),
            enable_fallback=0,
        )
    # Where CUDA cannot be loaded, onnxruntime says so in its log and takes the CPU instead.
    if device.is_gpu and CUDA_PROVIDER not in session.get_providers():
        raise DeviceError(
            f"onnxruntime cannot use {device.name}: its driver, CUDA or cuDNN is missing, or of "
            "another version than onnxruntime-gpu is built for"
        )
    return session
