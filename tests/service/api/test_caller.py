"""What happens to a request when its caller hangs up, before, during and after."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from service.api.caller import UnlessCallerLeaves


class FakeConnection:
    request_is_whole = True

    def __init__(self):
        self.on_lost = None
        self.is_lost = False

    def hang_up(self):
        self.is_lost = True
        if self.on_lost is not None:
            self.on_lost()


def test_what_is_awaited_is_cancelled_when_the_caller_leaves():
    async def scenario():
        connection = FakeConnection()
        never = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(connection.hang_up)
        with pytest.raises(ClientDisconnect), UnlessCallerLeaves(connection):
            await never
        assert never.cancelled()
        await asyncio.sleep(0)  # the task itself lives on: the middleware has still to count it
        assert connection.on_lost is None

    asyncio.run(scenario())


def test_a_caller_that_had_left_already_is_not_worked_for():
    async def scenario():
        connection = FakeConnection()
        connection.hang_up()
        with pytest.raises(ClientDisconnect), UnlessCallerLeaves(connection):
            pytest.fail("the block was entered")

    asyncio.run(scenario())


def test_a_caller_that_leaves_after_the_block_cancels_nothing():
    async def scenario():
        connection = FakeConnection()
        with UnlessCallerLeaves(connection):
            await asyncio.sleep(0)
        connection.hang_up()
        await asyncio.sleep(0)

    asyncio.run(scenario())


def test_what_is_raised_in_the_block_comes_out():
    async def scenario():
        with pytest.raises(ZeroDivisionError), UnlessCallerLeaves(FakeConnection()):
            raise ZeroDivisionError

    asyncio.run(scenario())


def test_another_cancellation_stays_one():
    async def scenario():
        async def work():
            with UnlessCallerLeaves(FakeConnection()):
                await asyncio.get_running_loop().create_future()

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
