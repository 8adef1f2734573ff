"""Futures that are ended when their time is over, and those that are not."""

import asyncio
import time

from service.deadlines import GRAIN_SECONDS, Deadlines

MOST_LATE_SECONDS = 1.0
"""On a machine that has other things to do."""


class Watched:
    """Futures of the running loop, all watched by one ``Deadlines``, and the timers it started."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.deadlines = Deadlines()

    def watch(self, deadline):
        future = self.loop.create_future()
        self.deadlines.watch(future, deadline)
        return future


def test_a_future_is_ended_at_its_deadline_and_not_before():
    async def wait():
        watched = Watched()
        start = time.monotonic()
        assert await watched.watch(start + 0.05) is False
        return time.monotonic() - start

    assert 0.049 <= asyncio.run(wait()) < 0.05 + GRAIN_SECONDS + MOST_LATE_SECONDS


def test_a_deadline_in_the_past_ends_a_future_soon():
    async def wait():
        assert await asyncio.wait_for(Watched().watch(time.monotonic() - 1), 10) is False

    asyncio.run(wait())


def test_what_is_done_or_forgotten_is_left_alone():
    async def wait():
        watched = Watched()
        deadline = time.monotonic() + 0.03
        done, forgotten, late = (watched.watch(deadline) for _ in range(3))
        done.set_result(True)
        watched.deadlines.forget(forgotten, deadline)
        assert await late is False
        return done.result(), forgotten.done()

    assert asyncio.run(wait()) == (True, False)


def test_deadlines_close_together_share_a_timer_which_ends_with_the_last_of_them(monkeypatch):
    async def wait():
        watched = Watched()
        started = []
        call_later = watched.loop.call_later

        def counted(*arguments):
            started.append(call_later(*arguments))
            return started[-1]

        monkeypatch.setattr(watched.loop, "call_later", counted)
        deadline = (time.monotonic() // GRAIN_SECONDS + 1000.5) * GRAIN_SECONDS
        near = [(deadline + each * GRAIN_SECONDS / 8) for each in (0, 1, 2)]
        futures = [watched.watch(each) for each in near]
        assert len(started) == 1
        watched.watch(deadline + GRAIN_SECONDS)
        assert len(started) == 2
        for future, each in zip(futures, near, strict=True):
            assert not started[0].cancelled()
            watched.deadlines.forget(future, each)
        assert started[0].cancelled()
        assert not started[1].cancelled()
        watched.watch(deadline)
        assert len(started) == 3

    asyncio.run(wait())


def test_to_forget_what_was_ended_does_nothing():
    async def wait():
        watched = Watched()
        deadline = time.monotonic() + 0.01
        late = watched.watch(deadline)
        assert await late is False
        watched.deadlines.forget(late, deadline)

    asyncio.run(wait())
