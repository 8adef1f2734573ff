"""Long requests are tokenised one input at a time, in threads, and within their deadline."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from service.inference import INLINE_CHARACTERS, INLINE_WINDOWS
from service.scheduling.errors import DeadlineExceededError
from service.tasks.errors import InputError
from service.tokenization import Tokenization


class CountingTask:
    """An input is its number of tokens; tells how many are being tokenised at once, and where."""

    def __init__(self, characters, wait=None, rows=1):
        self._characters = characters
        self._rows = rows
        self._wait = wait
        self._at_once = 0
        self.most_at_once = 0
        self.threads = set()

    def characters(self, request):
        return self._characters

    def estimate_lengths(self, request):
        return [8] * self._rows

    def tokenize(self, request):
        for tokens in request.inputs:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.threads.add(threading.current_thread())
            if self._wait is not None:
                self._wait.wait(20)
            if tokens < 0:
                raise InputError("Too little.", field="text", index=0)
            time.sleep(0)
            self._at_once -= 1
            yield SimpleNamespace(tokens=tokens)


async def tokenized(tokenization, task, *inputs, deadline=None):
    """The number of tokens and the written pieces."""
    deadline = time.monotonic() + 60 if deadline is None else deadline
    count, pieces = await tokenization.tokenize(
        SimpleNamespace(task=task),
        SimpleNamespace(inputs=inputs),
        deadline,
        lambda each: b"%d" % each.tokens,
    )
    return count, [piece async for piece in pieces]


@pytest.fixture
def preparation():
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.mark.parametrize("characters", [INLINE_CHARACTERS, INLINE_CHARACTERS + 1])
def test_short_and_long_requests_have_the_same_answer(preparation, characters):
    task = CountingTask(characters)
    answer = asyncio.run(tokenized(Tokenization(preparation), task, 3, 1, 2))
    assert answer == (6, [b"3", b"1", b"2"])
    inline = task.threads == {threading.current_thread()}
    assert inline == (characters == INLINE_CHARACTERS)


def test_a_short_text_of_many_windows_is_a_long_request(preparation):
    task = CountingTask(8, rows=INLINE_WINDOWS + 1)
    assert asyncio.run(tokenized(Tokenization(preparation), task, 3)) == (3, [b"3"])
    assert threading.current_thread() not in task.threads


def test_of_all_long_requests_one_input_is_tokenised_at_a_time(preparation):
    async def scenario():
        tokenization, task = Tokenization(preparation), CountingTask(10_000)
        return task, await asyncio.gather(*[tokenized(tokenization, task, 1, 2) for _ in range(9)])

    task, answers = asyncio.run(scenario())
    assert answers == [(3, [b"1", b"2"])] * 9
    assert task.most_at_once == 1


@pytest.mark.parametrize("characters", [1, 10_000])
def test_a_refused_input_is_refused_before_anything_is_written(preparation, characters):
    with pytest.raises(InputError):
        asyncio.run(tokenized(Tokenization(preparation), CountingTask(characters), 3, -1))


def test_a_deadline_that_passes_is_told(preparation):
    wait = threading.Event()
    try:
        with pytest.raises(DeadlineExceededError):
            asyncio.run(
                tokenized(
                    Tokenization(preparation),
                    CountingTask(10_000, wait),
                    1,
                    deadline=time.monotonic() + 0.01,
                )
            )
    finally:
        wait.set()
