"""Compute threads give way, relative to the process, and touch no other thread."""

import os
import threading

import pytest

from service.runtime.priority import (
    BESIDE_BULK_NICENESS,
    NICENESS,
    OVERTAKEN_NICENESS,
    be_overtaken,
    give_way,
)


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.parametrize(
    ("lower", "niceness"),
    [
        (give_way, NICENESS),
        (be_overtaken, OVERTAKEN_NICENESS),
        (lambda: be_overtaken(BESIDE_BULK_NICENESS), BESIDE_BULK_NICENESS),
    ],
)
def test_only_the_calling_thread_becomes_nicer(lower, niceness):
    before, seen = priority(), []

    def work():
        lower()
        seen.append(priority())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [min(before + niceness, 19)]
    assert priority() == before
