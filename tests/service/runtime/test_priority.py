"""Compute threads give way, relative to the process, and touch no other thread."""

import os
import threading

from service.runtime.priority import NICENESS, give_way


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_only_the_calling_thread_becomes_nicer():
    before, seen = priority(), []

    def work():
        give_way()
        seen.append(priority())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [min(before + NICENESS, 19)]
    assert priority() == before
