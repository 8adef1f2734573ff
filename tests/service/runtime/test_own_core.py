"""Each thread that goes before others has a core of its own, as long as there are enough."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.runtime.own_core import OwnCores

CORES = os.sched_getaffinity(0)


@pytest.fixture
def in_a_thread():
    """Has a thread do something, which leaves the cores of the others as they are."""

    def do(work):
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(work).result()
        assert os.sched_getaffinity(0) == CORES
        return result

    return do


def test_each_is_moved_to_the_core_that_fewest_were_moved_to(in_a_thread):
    def work():
        cores = OwnCores([3, 1, 2])
        with cores.one() as first, cores.one() as second:
            with cores.one() as third, cores.one() as fourth:
                found = [first, second, third, fourth]
            with cores.one() as again:
                return [*found, again]

    assert in_a_thread(work) == [1, 2, 3, 1, 3]


def test_the_thread_may_run_anywhere_again(in_a_thread):
    def work():
        with OwnCores(CORES).one() as core:
            return core, os.sched_getaffinity(threading.get_native_id())

    core, allowed = in_a_thread(work)
    assert core in CORES
    assert allowed == CORES


def test_cores_that_may_not_be_used_any_more_are_no_error(in_a_thread):
    def work():
        with OwnCores([4095]).one() as core:
            return core

    assert in_a_thread(work) == 4095


def test_a_core_is_free_again_after_an_error(in_a_thread):
    def work():
        cores = OwnCores(CORES)
        for _ in range(2):
            with pytest.raises(KeyError), cores.one():
                raise KeyError
        return cores._threads

    assert set(in_a_thread(work).values()) == {0}
