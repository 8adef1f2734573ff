"""A body costs the event loop no more than its size makes it."""

import time

from pydantic_core import from_json

from service.api.translation import parse_json

UNLIKE = b"[" + b",".join(b'"%x"' % number for number in range(200_000)) + b"]"


def seconds_of(parse):
    """The least of a few runs, of this thread."""
    runs = []
    for _ in range(3):
        start = time.thread_time()
        parse(UNLIKE)
        runs.append(time.thread_time() - start)
    return min(runs)


def test_texts_that_are_all_unlike_are_not_looked_for_among_one_another():
    assert parse_json(UNLIKE) == from_json(UNLIKE)
    assert seconds_of(parse_json) < seconds_of(from_json) / 1.5
