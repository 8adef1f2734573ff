"""Waking the event loop from other threads: nobody is forgotten, and a batch wakes it once. And
bulk, which waits for room in the queue.
"""

import asyncio
import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from service.inference import (
    INLINE_CHARACTERS,
    INLINE_WINDOWS,
    Finished,
    Inference,
    ModelRunError,
)
from service.scheduling.errors import DeadlineExceededError, QueueFullError
from service.scheduling.priority import Priority
from service.scheduling.ticket import Submission
from service.tasks.task import Prepared


def test_everyone_told_of_by_many_threads_is_woken():
    async def scenario():
        finished = Finished()
        futures = [asyncio.get_running_loop().create_future() for _ in range(2000)]

        def tell(first):
            for future in futures[first::4]:
                finished.tell(future)

        threads = [threading.Thread(target=tell, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.gather(*futures)
        for thread in threads:
            thread.join()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_what_is_told_before_the_loop_turns_shares_one_waking(monkeypatch):
    async def scenario():
        loop = asyncio.get_running_loop()
        wakings = []
        wake = loop.call_soon_threadsafe
        monkeypatch.setattr(
            loop, "call_soon_threadsafe", lambda call: (wakings.append(call), wake(call))
        )
        finished = Finished()
        for _ in range(2):
            futures = [loop.create_future() for _ in range(32)]
            for future in futures:
                finished.tell(future)
            await asyncio.gather(*futures)
        assert len(wakings) == 2

    asyncio.run(scenario())


def test_a_future_whose_caller_left_is_let_alone():
    async def scenario():
        finished = Finished()
        left, stayed = (asyncio.get_running_loop().create_future() for _ in range(2))
        left.cancel()
        finished.tell(left)
        finished.tell(stayed)
        await stayed

    asyncio.run(scenario())


class FullQueue:
    """A scheduler that refuses so many reservations."""

    def __init__(self, refusals):
        self.refusals = refusals
        self.asked = []

    def reserve(self, model, lengths, deadline, priority, *, patient):
        self.asked.append((model, priority, patient))
        if self.refusals:
            self.refusals -= 1
            raise QueueFullError(0.0, priority, 2.0)
        raise LetInError(model)


class LetInError(Exception):
    """A reservation was given."""


def test_bulk_waits_for_room_and_is_let_in_in_order():
    models = [
        SimpleNamespace(name=name, task=SimpleNamespace(estimate_lengths=lambda _: [8]))
        for name in ("first", "second", "third")
    ]
    scheduler = FullQueue(refusals=5)

    async def scenario():
        inference = Inference(scheduler, None)
        return await asyncio.gather(
            *[inference.answer_when_there_is_room(model, None, 30.0, bytes) for model in models],
            return_exceptions=True,
        )

    let_in = asyncio.run(scenario())
    assert [str(error) for error in let_in] == ["first", "second", "third"]
    assert scheduler.asked == [
        ("first", Priority.BULK, False),
        *[("first", Priority.BULK, True)] * 5,
        ("second", Priority.BULK, False),
        ("third", Priority.BULK, False),
    ]


def test_who_leaves_while_waiting_for_room_lets_the_next_one_in():
    model = SimpleNamespace(name="it", task=SimpleNamespace(estimate_lengths=lambda _: [8]))
    scheduler = FullQueue(refusals=10**9)

    async def scenario():
        inference = Inference(scheduler, None)
        leaves, stays = (
            asyncio.create_task(inference.answer_when_there_is_room(model, None, 30.0, bytes))
            for _ in range(2)
        )
        while not scheduler.asked:
            await asyncio.sleep(0)
        leaves.cancel()
        scheduler.refusals = 0
        with pytest.raises(LetInError):
            await stays
        assert leaves.cancelled()

    asyncio.run(scenario())


class Row:
    """One sequence, and where its fingerprint was asked for first."""

    thread: str | None = None

    def fingerprint(self):
        self.thread = self.thread or threading.current_thread().name


class LateQueue:
    """A scheduler that settles with an error, or without one never."""

    def __init__(self, error):
        self.error = error

    def reserve(self, model, lengths, deadline, *_, **__):
        return SimpleNamespace(open=False, deadline=deadline)

    def submit(self, reservation, sequences, on_done):
        submission = Submission(reservation.deadline, on_done)
        if self.error is not None:
            submission.error = self.error("no run")
            on_done(submission)
        return submission

    def cancel(self, submission):
        pass


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (None, DeadlineExceededError),
        (DeadlineExceededError, DeadlineExceededError),
        (RuntimeError, ModelRunError),
    ],
)
def test_a_request_that_failed_leaves_nothing_to_the_garbage_collector(error, raised):
    rows = weakref.WeakSet()

    def prepare(request):
        row = Row()
        rows.add(row)
        return Prepared([row], None)

    task = SimpleNamespace(estimate_lengths=lambda _: [8], characters=lambda _: 8, prepare=prepare)
    model = SimpleNamespace(name="it", task=task)

    async def scenario():
        inference = Inference(LateQueue(error), None)
        failed = 0
        try:
            await inference.answer(model, None, time.monotonic() + 0.05, bytes)
        except raised:
            failed += 1
        assert (failed, len(rows)) == (1, 0)

    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("characters", "rows", "thread"),
    [
        (INLINE_CHARACTERS, INLINE_WINDOWS, None),
        (INLINE_CHARACTERS + 1, 1, "prepare_0"),
        (8, INLINE_WINDOWS + 1, "prepare_0"),
    ],
)
def test_long_texts_and_many_windows_are_ready_for_the_queue_when_it_sees_them(
    characters, rows, thread
):
    """It is asked for a place on the event loop, and a fingerprint takes 10 us."""
    row = Row()
    task = SimpleNamespace(
        estimate_lengths=lambda _: [8] * rows,
        characters=lambda _: characters,
        prepare=lambda _: Prepared([row], None),
    )
    queue = LateQueue(DeadlineExceededError)

    async def scenario():
        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as preparation:
            inference = Inference(queue, preparation)
            model = SimpleNamespace(name="it", task=task)
            with pytest.raises(DeadlineExceededError):
                await inference.answer(model, None, time.monotonic() + 30, bytes)

    asyncio.run(scenario())
    assert row.thread == thread


class PromptQueue(LateQueue):
    """A scheduler that has run everything at once."""

    def __init__(self):
        super().__init__(None)

    def submit(self, reservation, sequences, on_done):
        submission = Submission(reservation.deadline, on_done)
        on_done(submission)
        return submission


@pytest.mark.parametrize("quickly", [True, False])
def test_what_takes_long_to_decode_leaves_the_event_loop_to_others(quickly):
    task = SimpleNamespace(
        estimate_lengths=lambda _: [8],
        characters=lambda _: 8,
        is_decoded_quickly=lambda _: quickly,
        prepare=lambda _: Prepared([SimpleNamespace(length=8)], None),
        decode=lambda *_: threading.current_thread() is threading.main_thread(),
    )
    model = SimpleNamespace(name="it", task=task)

    async def scenario():
        with ThreadPoolExecutor(1) as threads:
            inference = Inference(PromptQueue(), threads)
            outcome = await inference.answer(model, None, time.monotonic() + 30, lambda it: it)
            assert outcome.result is quickly

    asyncio.run(scenario())
