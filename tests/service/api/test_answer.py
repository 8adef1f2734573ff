"""Streamed answers start late, go as fast as they are taken, and give up on who takes nothing."""

import asyncio

import pytest

from service.api.answer import AnswerStalledError, StreamedAnswer

HEADERS = [(b"x-model", b"films")]


def collect(stall_seconds=30.0, stuck_at=None):
    """A streamed answer, and what it sends; ``send`` does not return from the message stuck at."""
    sent = []

    async def send(message):
        sent.append(message)
        if len(sent) == stuck_at:
            await asyncio.Event().wait()

    return StreamedAnswer(send, HEADERS, stall_seconds), sent


def test_nothing_is_sent_before_the_first_piece():
    async def scenario():
        answer, sent = collect()
        assert not answer.has_started
        assert sent == []
        await answer.write(b"one")
        assert answer.has_started
        await answer.finish(b"two")
        return sent

    start, *parts = asyncio.run(scenario())
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert start["headers"] == HEADERS
    assert [(part["body"], part["more_body"]) for part in parts] == [
        (b"one", True),
        (b"two", False),
    ]


def test_an_answer_of_nothing_has_a_header_too():
    answer, sent = collect()
    asyncio.run(answer.finish())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("stuck_at", [1, 2, 3])
def test_a_caller_who_takes_nothing_is_given_up(stuck_at):
    async def scenario():
        answer, _ = collect(0.01, stuck_at)
        await answer.write(b"one")
        await answer.finish()

    with pytest.raises(AnswerStalledError, match=r"nothing of its answer for 0\.01 s"):
        asyncio.run(scenario())
