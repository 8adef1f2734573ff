"""The way of one request: reserve, tokenise, queue, run, decode; measured on the way."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from service.registry import LoadedModel
from service.runtime.sequence import Sequence
from service.scheduling.errors import DeadlineExceededError, SchedulingError
from service.scheduling.scheduler import Reservation, Scheduler
from service.scheduling.ticket import Submission
from service.tasks.task import Prepared

INLINE_CHARACTERS = 4_000
"""Texts up to this long are tokenised on the event loop: at about 0.1 ms per 1,000 characters that
is less than the two thread switches it saves would cost. Anything longer goes to a thread.
"""

INLINE_ROWS = 8
"""Answers from up to this many rows are decoded on the event loop, larger ones in a thread."""

ResultT = TypeVar("ResultT")


class ModelRunError(Exception):
    """The model failed on this input, for a reason of ours."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in each stage."""

    tokenize: float
    queue: float
    inference: float
    decode: float


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ResultT]):
    """What one request gave."""

    result: ResultT
    tokens: int
    timings: Timings


class Inference:
    """Answers requests with loaded models. Lives on the event loop; long work goes to threads."""

    def __init__(self, scheduler: Scheduler, preparation: ThreadPoolExecutor) -> None:
        self._scheduler = scheduler
        self._preparation = preparation

    async def answer(
        self, model: LoadedModel, request: Any, deadline: float, write: Callable[[Any], ResultT]
    ) -> Outcome[ResultT]:
        """What ``write`` makes of the result of ``request`` (the task's own request type).

        ``deadline`` is in monotonic seconds. ``write`` runs where the decoding does: on the event
        loop, or in a thread when there is much to decode.

        Raises InputError, SchedulingError or ModelRunError. When the caller's task is cancelled,
        whatever of the request still waits is taken out of the queue.
        """
        reservation = self._scheduler.reserve(
            model.name, model.task.estimate_lengths(request), deadline
        )
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._answer(model, request, reservation, write)
        except TimeoutError as error:
            raise DeadlineExceededError(
                "The deadline passed before the answer was there."
            ) from error
        finally:
            self._scheduler.release(reservation)

    async def _answer(
        self,
        model: LoadedModel,
        request: Any,
        reservation: Reservation,
        write: Callable[[Any], ResultT],
    ) -> Outcome[ResultT]:
        start = time.monotonic()
        inline = model.task.characters(request) <= INLINE_CHARACTERS
        prepared: Prepared[Any] = await self._compute(inline, lambda: model.task.prepare(request))
        tokenized = time.monotonic()
        submission = await self._run(reservation, prepared.sequences)
        ran = time.monotonic()
        inline = len(prepared.sequences) <= INLINE_ROWS and inline
        result = await self._compute(
            inline, lambda: write(model.task.decode(prepared, submission.logits))
        )
        started = submission.first_started or submission.last_finished
        timings = Timings(
            tokenize=tokenized - start,
            queue=started - tokenized,
            inference=ran - started,
            decode=time.monotonic() - ran,
        )
        return Outcome(result, prepared.tokens, timings)

    async def _compute(self, inline: bool, function: Callable[[], ResultT]) -> ResultT:
        if inline:
            return function()
        return await asyncio.get_running_loop().run_in_executor(self._preparation, function)

    async def _run(self, reservation: Reservation, sequences: list[Sequence]) -> Submission:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not done.done():
                done.set_result(None)

        def on_done(_: Submission) -> None:
            with contextlib.suppress(
                RuntimeError
            ):  # the loop may be gone when a process is cut short
                loop.call_soon_threadsafe(settle)

        submission = self._scheduler.submit(reservation, sequences, on_done)
        try:
            await done
        except asyncio.CancelledError:
            self._scheduler.cancel(submission)
            raise
        if isinstance(submission.error, SchedulingError):
            raise submission.error
        if submission.error is not None:
            raise ModelRunError("The model could not be run on this input.") from submission.error
        return submission
