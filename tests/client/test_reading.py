"""Records are read ahead by little, in order, and errors keep their place."""

import asyncio
import time

import pytest

from client.errors import AskError
from client.reading import MOST_BATCHES, batches
from client.records import record_of


def records(count, error=None):
    for number in range(count):
        yield record_of({"text": str(number)}, {}, 0)
    if error is not None:
        raise error


async def collect(given, size):
    sizes, texts = [], []
    try:
        async for batch in batches(given, size):
            sizes.append(len(batch))
            texts += [record.fields["text"] for record in batch]
    except AskError as error:
        return sizes, texts, error
    return sizes, texts, None


@pytest.mark.parametrize("error", [None, AskError("line 8")])
def test_batches_hold_all_records_in_order(error):
    sizes, texts, raised = asyncio.run(collect(records(7, error), 3))
    assert sizes == [3, 3, 1]
    assert texts == [str(number) for number in range(7)]
    assert raised is error


def test_no_more_is_read_than_a_little_ahead():
    read = []

    def endless():
        while True:
            read.append(len(read))
            yield record_of({"text": ""}, {}, 0)

    async def scenario():
        given = batches(endless(), 10)
        await anext(given)
        before = -1
        while before != len(read):
            before = len(read)
            await asyncio.sleep(0.05)
        await given.aclose()
        return before

    assert asyncio.run(scenario()) <= 10 * (MOST_BATCHES + 2)


def test_nobody_waits_for_records_that_never_come():
    def never():
        yield record_of({"text": "first"}, {}, 0)
        time.sleep(3600)

    async def scenario():
        return await anext(batches(never(), 1))

    [record] = asyncio.run(scenario())
    assert record.fields["text"] == "first"
