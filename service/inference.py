"""The way of one request: reserve, tokenise, queue, run, decode; measured on the way."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Sequence as Rows
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

from service.deadlines import Deadlines
from service.registry import LoadedModel
from service.runtime.sequence import Sequence
from service.scheduling.errors import DeadlineExceededError, QueueFullError, SchedulingError
from service.scheduling.priority import Priority
from service.scheduling.scheduler import Reservation, Scheduler
from service.scheduling.ticket import Submission
from service.tasks.task import Prepared, Task

INLINE_CHARACTERS = 4_000
"""Texts up to this long are tokenised on the event loop: at about 0.1 ms per 1,000 characters that
is less than the two thread switches it saves would cost. Anything longer goes to a thread.
"""

INLINE_WINDOWS = 256
"""Nor more rows than this, which take some 10 ms: the windows of a short text are many where each
advances by a token only."""

INLINE_ROWS = 8
"""Answers from up to this many rows are decoded on the event loop, larger ones in a thread."""

LEAST_WAIT_SECONDS, MOST_WAIT_SECONDS = 0.005, 0.25
"""Between two looks whether bulk's queue has room."""

TOO_LATE = "The deadline passed before the answer was there."

ResultT = TypeVar("ResultT")


class ModelRunError(Exception):
    """The model failed on this input, for a reason of ours."""


class Timings(NamedTuple):
    """Seconds spent in each stage. Each begins where the one before it ends."""

    tokenize: float
    queue: float
    inference: float
    decode: float


class Outcome(NamedTuple, Generic[ResultT]):
    """What one request gave."""

    result: ResultT
    tokens: int
    timings: Timings


class Inference:
    """Answers requests with loaded models. Lives on the event loop; long work goes to threads."""

    def __init__(self, scheduler: Scheduler, preparation: ThreadPoolExecutor) -> None:
        self._scheduler = scheduler
        self._preparation = preparation
        self._finished = Finished()
        self._deadlines = Deadlines()
        self._bulk_turn = asyncio.Lock()

    async def answer(
        self,
        model: LoadedModel,
        request: Any,
        deadline: float,
        write: Callable[[Any], ResultT],
        priority: Priority = Priority.INTERACTIVE,
        *,
        patient: bool = False,
        task: Task[Any, Any, Any] | None = None,
    ) -> Outcome[ResultT]:
        """What ``write`` makes of the result of ``request``, of the request type of ``task``, which
        is the model's own if none is given.

        ``deadline`` is in monotonic seconds. ``write`` runs where the decoding does: on the event
        loop, or in a thread when there is much to decode. ``patient``: the caller comes back after
        a refusal, when it was told to.

        Raises InputError, SchedulingError or ModelRunError. When the caller's task is cancelled,
        whatever of the request still waits is taken out of the queue.
        """
        start = time.monotonic()
        task = task or model.task
        lengths = task.estimate_lengths(request)
        reservation = self._scheduler.reserve(
            model.name,
            lengths,
            deadline,
            priority,
            patient=patient,
            let_in=True,  # nobody gets here but through the door
        )
        try:
            inline = is_inline(task, request, len(lengths))
            return await self._answer(task, request, reservation, write, start, inline=inline)
        finally:
            if reservation.open:
                self._scheduler.release(reservation)

    async def answer_when_there_is_room(
        self,
        model: LoadedModel,
        request: Any,
        timeout_seconds: float,
        write: Callable[[Any], ResultT],
    ) -> Outcome[ResultT]:
        """The same at bulk priority, for callers who rather wait than be refused. They are let in
        in the order in which they asked, and ``timeout_seconds`` count from then on.

        Raises InputError, DeadlineExceededError, ClosedError or ModelRunError.
        """
        lengths = model.task.estimate_lengths(request)
        async with self._bulk_turn:
            reservation = await self._reserve_bulk(model, lengths, timeout_seconds)
        start = time.monotonic()
        try:
            inline = is_inline(model.task, request, len(lengths))
            return await self._answer(model.task, request, reservation, write, start, inline=inline)
        finally:
            if reservation.open:
                self._scheduler.release(reservation)

    async def _reserve_bulk(
        self, model: LoadedModel, lengths: Rows[int], timeout_seconds: float
    ) -> Reservation:
        patient = False
        while True:
            try:
                return self._scheduler.reserve(
                    model.name,
                    lengths,
                    time.monotonic() + timeout_seconds,
                    Priority.BULK,
                    patient=patient,
                )
            except QueueFullError as refusal:
                # Whoever is in the lane keeps the workers busy for longer than the longest wait.
                seconds = min(refusal.retry_after_seconds, MOST_WAIT_SECONDS)
                await asyncio.sleep(max(seconds, LEAST_WAIT_SECONDS))
                patient = True

    async def _answer(
        self,
        task: Task[Any, Any, Any],
        request: Any,
        reservation: Reservation,
        write: Callable[[Any], ResultT],
        start: float,
        *,
        inline: bool,
    ) -> Outcome[ResultT]:
        deadline = reservation.deadline
        prepared: Prepared[Any]
        if inline:
            prepared = task.prepare(request)
        else:
            prepared = await self._in_thread(deadline, lambda: _prepared(task, request))
        tokenized = time.monotonic()
        submission = await self._run(reservation, prepared.sequences)
        ran = time.monotonic()
        logits = submission.logits
        few = len(prepared.sequences) <= INLINE_ROWS
        if inline and few and task.is_decoded_quickly(request):
            result = write(task.decode(prepared, logits))
        else:
            result = await self._in_thread(deadline, lambda: write(task.decode(prepared, logits)))
        # A row that was running already for somebody else began before it was submitted here.
        started = max(tokenized, submission.first_started or submission.last_finished)
        timings = Timings(
            tokenize=tokenized - start,
            queue=started - tokenized,
            inference=ran - started,
            decode=time.monotonic() - ran,
        )
        return Outcome(result, prepared.tokens, timings)

    async def _in_thread(self, deadline: float, function: Callable[[], ResultT]) -> ResultT:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await loop.run_in_executor(self._preparation, function)
        except TimeoutError as error:
            raise DeadlineExceededError(TOO_LATE) from error

    async def _run(self, reservation: Reservation, sequences: list[Sequence]) -> Submission:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        submission = self._scheduler.submit(
            reservation, sequences, lambda _: self._finished.tell(done)
        )
        self._deadlines.watch(done, reservation.deadline)
        in_time = False
        try:
            in_time = await done
        finally:
            self._deadlines.forget(done, reservation.deadline)
            if not in_time:
                self._scheduler.cancel(submission)
        if not in_time:
            raise DeadlineExceededError(TOO_LATE)
        if submission.error is not None:
            raise _reason(submission)
        return submission


def is_inline(task: Task[Any, Any, Any], request: Any, rows: int) -> bool:
    """Whether ``request``, of about so many ``rows``, is tokenised on the event loop."""
    return task.characters(request) <= INLINE_CHARACTERS and rows <= INLINE_WINDOWS


def _prepared(task: Task[Any, Any, Any], request: Any) -> Prepared[Any]:
    """The rows, with the fingerprints that the scheduler will ask them for: those of ten thousand
    take a tenth of a second, and it is asked on the event loop.
    """
    prepared = task.prepare(request)
    for sequence in prepared.sequences:
        sequence.fingerprint()
    return prepared


def _reason(submission: Submission) -> Exception:
    """Why it failed, which ``submission`` is made to forget: what is raised holds the frames that
    it passes, which know the submission, and all would stay until the garbage collector comes.
    """
    error, submission.error = submission.error, None
    if isinstance(error, SchedulingError):
        return error
    reason = ModelRunError("The model could not be run on this input.")
    reason.__cause__ = error
    return reason


class Finished:
    """Sets True on futures of the event loop that other threads have news of.

    To wake the loop costs a system call and a fight for the interpreter's lock, so what is told
    before the loop has got round to it shares one waking: all requests of a batch, as a rule.
    """

    def __init__(self) -> None:
        self._told: deque[asyncio.Future[bool]] = deque()
        self._is_waking = False

    def tell(self, done: asyncio.Future[bool]) -> None:
        """Have ``done`` set soon. Called from any thread."""
        self._told.append(done)
        if not self._is_waking:
            self._is_waking = True
            with contextlib.suppress(
                RuntimeError
            ):  # the loop may be gone when a process is cut short
                done.get_loop().call_soon_threadsafe(self._set_all)

    def _set_all(self) -> None:
        # Before the first look: what is told from now on wakes the loop again.
        self._is_waking = False
        while self._told:
            done = self._told.popleft()
            if not done.done():
                done.set_result(True)
