"""Answers keep the order of their lines, and what is in flight stays within its bounds."""

import asyncio
import gc
import random
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.lines import Line
from service.api.ordered import MOST_BYTES, MOST_LINES, OrderedAnswers


class Upload:
    """Lines of given sizes; counts those in flight, and lets the test hold answers or writes."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.read = 0
        self.answering = set()
        self.written = []
        self.cancelled = 0
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.answers = OrderedAnswers(self.answer, self.write)

    async def lines(self):
        for number, size in enumerate(self.sizes, 1):
            self.read = number
            yield Line(number, b"x" * size)

    async def answer(self, line):
        self.answering.add(line.number)
        try:
            await self.work(line)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.answering.discard(line.number)
        return b"%d\n" % line.number

    async def work(self, line):
        await asyncio.sleep(0)

    async def write(self, piece):
        await self.may_write.wait()
        self.written += [int(number) for number in piece.split()]

    @property
    def in_flight(self):
        return self.read - len(self.written)


async def settle():
    for _ in range(20 * MOST_LINES):
        await asyncio.sleep(0)


@given(st.lists(st.integers(0, 3), max_size=200), st.randoms(use_true_random=False))
def test_answers_come_in_order_whatever_finishes_first(turns, chance):
    class Shuffled(Upload):
        async def work(self, line):
            for _ in range(chance.randrange(1 + 5 * turns[line.number - 1])):
                await asyncio.sleep(0)

    async def scenario():
        upload = Shuffled([10] * len(turns))
        assert await upload.answers.run(upload.lines())
        assert upload.written == list(range(1, len(turns) + 1))
        assert upload.answers.written == len(turns)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("size", "most"),
    [
        (10, MOST_LINES),
        (MOST_BYTES // 4, 4),
        (MOST_BYTES // 4 + 1, 3),
        (MOST_BYTES, 1),
        (5 * MOST_BYTES, 1),
    ],
)
def test_of_a_caller_who_does_not_read_no_more_is_read(size, most):
    async def scenario():
        upload = Upload([size] * 300)
        upload.may_write.clear()
        running = asyncio.create_task(upload.answers.run(upload.lines()))
        await settle()
        assert not upload.answering
        assert upload.read == most + 1  # one is taken, and waits for room
        upload.may_write.set()
        assert await running
        assert upload.written == list(range(1, 301))

    asyncio.run(scenario())


def test_as_many_lines_are_answered_at_once_as_allowed():
    async def scenario():
        upload = Upload([10] * 200)
        most = 0

        async def work(line):
            nonlocal most
            most = max(most, len(upload.answering))
            for _ in range(random.Random(line.number).randrange(100)):
                await asyncio.sleep(0)

        upload.work = work
        assert await upload.answers.run(upload.lines())
        assert most > MOST_LINES // 2
        assert most <= MOST_LINES

    asyncio.run(scenario())


def test_when_it_is_stopped_what_was_read_is_answered():
    async def scenario():
        upload = Upload([10] * 1000)
        upload.may_write.clear()
        running = asyncio.create_task(upload.answers.run(upload.lines()))
        await settle()
        upload.answers.stop()
        upload.may_write.set()
        assert not await running
        assert upload.written == list(range(1, MOST_LINES + 1))

    asyncio.run(scenario())


def test_an_upload_that_breaks_off_is_answered_as_far_as_it_came():
    async def scenario():
        upload = Upload([10] * 5)

        async def lines():
            async for line in upload.lines():
                yield line
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            await upload.answers.run(lines())
        assert upload.written == [1, 2, 3, 4, 5]

    asyncio.run(scenario())


def test_an_answer_that_fails_ends_it_after_those_before(recwarn):
    async def scenario():
        upload = Upload([10] * 50)

        async def work(line):
            if line.number in (20, 21):
                raise ValueError(line.number)
            if line.number > 21:
                await asyncio.Event().wait()

        upload.work = work
        with pytest.raises(ValueError, match="20"):
            await upload.answers.run(upload.lines())
        assert upload.written == list(range(1, 20))
        await settle()
        assert not upload.answering

    unheard = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, context: unheard.append(context))
        runner.run(scenario())
    assert unheard == []


def test_when_the_caller_leaves_everything_ends_at_once():
    async def scenario():
        upload = Upload([10] * 50)

        async def work(line):
            await asyncio.Event().wait()

        upload.work = work
        running = asyncio.create_task(upload.answers.run(upload.lines()))
        await settle()
        assert len(upload.answering) == 50
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await settle()
        assert upload.cancelled == 50
        assert not upload.answering

    asyncio.run(scenario())


def test_an_upload_that_broke_off_leaves_nothing_to_the_garbage_collector():
    async def broken():
        yield Line(1, b"x")
        raise ConnectionError

    async def answer(line):
        return b"1"

    async def write(piece):
        pass

    async def scenario():
        answers = OrderedAnswers(answer, write)
        alive = weakref.ref(answers)
        broke_off = False
        try:
            await answers.run(broken())
        except ConnectionError:
            broke_off = True
        written = answers.written
        del answers
        await settle()
        assert (broke_off, written, alive()) == (True, 1, None)

    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()
