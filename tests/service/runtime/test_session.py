"""Sessions with a real model: wide runs, and runs that are stopped."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from model_directory.integrity import open_version
from service.runtime.priority import OVERTAKEN_NICENESS
from service.runtime.sequence import Sequence
from service.runtime.session import Session, StoppedError, StopSignal

TASKS = Path("/proc/self/task")


@pytest.fixture(scope="module")
def version():
    return open_version(Path(__file__).parents[3] / "models" / "sentiment" / "1")


@pytest.fixture
def session(version):
    return Session(version.model, pad_token_id=version.manifest.tokenizer.pad_token_id)


def rows(count, length):
    ids = np.random.default_rng(count).integers(5, 1000, (count, length))
    return [Sequence(each, np.zeros_like(each)) for each in ids]


def test_a_wide_run_gives_what_a_narrow_one_gives(session, version):
    (row,) = rows(1, 60)
    narrow = session.run([row], wide=True)
    assert not session.widens
    session.widen(version.model, 2)
    assert session.widens
    wide = session.run([row], wide=True)
    np.testing.assert_allclose(wide[0][0], narrow[0][0], atol=1e-6)


def threads():
    return {int(thread) for thread in os.listdir(TASKS)}


def threads_since(before, count):
    """Those that are there since ``before``, when no more than ``count`` are left: one that has
    ended is listed for a moment longer.
    """
    deadline = time.monotonic() + 5
    while len(new := threads() - before) > count and time.monotonic() < deadline:
        time.sleep(0.01)
    return new


@pytest.mark.parametrize(("overtaken", "nicer"), [(False, 0), (True, OVERTAKEN_NICENESS)])
def test_its_own_threads_are_as_nice_as_the_process_or_as_what_is_overtaken(
    session, version, overtaken, nicer
):
    before, ours = threads(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    session.widen(version.model, 3, overtaken=overtaken)
    niceness = [os.getpriority(os.PRIO_PROCESS, each) for each in threads_since(before, 2)]
    assert niceness == [min(ours + nicer, 19)] * 2
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours


def test_a_run_that_is_stopped_ends_with_that_and_the_next_one_is_whole(session, capfd):
    many, stop = rows(64, 256), StopSignal()
    begun = threading.Event()

    def stop_it():
        begun.wait()
        stop.stop()

    stopping = threading.Thread(target=stop_it)
    stopping.start()
    begun.set()
    with pytest.raises(StoppedError):
        session.run(many, stop=stop)
    stopping.join()
    assert capfd.readouterr().err == ""
    assert len(session.run(many[:2], stop=StopSignal())) == 2


def test_a_failure_without_a_stop_is_what_it_is(session):
    with pytest.raises(Exception, match="indices element out of data bounds"):
        session.run([Sequence(np.array([10**9]), np.array([0]))], stop=StopSignal())
