"""Waking the event loop from other threads: nobody is forgotten, and a batch wakes it once."""

import asyncio
import threading

from service.inference import Finished


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
