"""A run on every core has a core for each of its threads."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.runtime.wide_cores import WideCores

CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture
def in_a_thread():
    """Has a thread do something, which leaves the cores of the others as they are."""

    def do(work):
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(work).result()
        assert sorted(os.sched_getaffinity(0)) == CORES
        return result

    return do


def test_the_sessions_threads_have_all_cores_but_one_which_is_the_callers(in_a_thread):
    assert WideCores(3, {2, 0, 5}).affinities == "3;6"
    cores = WideCores(len(CORES), CORES)

    def work():
        with cores.lead():
            during = sorted(os.sched_getaffinity(0))
        return during, sorted(os.sched_getaffinity(0))

    assert in_a_thread(work) == (CORES[:1], CORES)


@pytest.mark.parametrize(("threads", "cores"), [(1, []), (2, [0, 1, 2]), (4, [0, 1])])
def test_where_threads_are_not_as_many_as_cores_the_system_chooses(in_a_thread, threads, cores):
    wide = WideCores(threads, cores)
    assert wide.affinities is None

    def work():
        with wide.lead():
            return sorted(os.sched_getaffinity(0))

    assert in_a_thread(work) == CORES


def test_a_thread_whose_core_was_taken_away_runs_all_the_same(in_a_thread):
    gone = max(CORES) + 1_000

    def work():
        with WideCores(2, [gone, gone + 1]).lead():
            return sorted(os.sched_getaffinity(0))

    assert in_a_thread(work) == CORES


def test_the_callers_core_is_given_back_after_an_error(in_a_thread):
    def work():
        with pytest.raises(ValueError, match="broken"), WideCores(len(CORES), CORES).lead():
            raise ValueError("broken")
        return sorted(os.sched_getaffinity(0))

    assert in_a_thread(work) == CORES
