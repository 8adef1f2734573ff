"""What is done once the work has stopped, and not while it goes on."""

import threading

import pytest

from service.scheduling.quiet import QuietWatch


class Spell:
    """A watch with a short quiet time, and what came of it."""

    def __init__(self):
        self.idle = True
        self.calls = 0
        self.called = threading.Event()
        self.asked = threading.Semaphore(0)
        self.watch = QuietWatch(self.is_idle, self.on_quiet, seconds=0.02)

    def is_idle(self):
        self.asked.release()
        return self.idle

    def on_quiet(self):
        self.calls += 1
        self.called.set()


@pytest.fixture
def spell():
    spell = Spell()
    thread = threading.Thread(target=spell.watch.watch)
    thread.start()
    yield spell
    spell.watch.close()
    thread.join(5)
    assert not thread.is_alive()


def test_it_is_done_once_after_each_spell_of_work(spell):
    for spells in (1, 2):
        spell.called.clear()
        for _ in range(3):
            spell.watch.ran()
        assert spell.called.wait(5)
        assert spell.asked.acquire(timeout=5)
        assert not spell.asked.acquire(timeout=0.1)
        assert spell.calls == spells


def test_it_waits_for_a_run_that_is_still_going_on(spell):
    spell.idle = False
    spell.watch.ran()
    for _ in range(3):
        assert spell.asked.acquire(timeout=5)
    assert spell.calls == 0
    spell.idle = True
    assert spell.called.wait(5)


def test_it_is_not_done_where_nothing_ran(spell):
    assert not spell.called.wait(0.1)


def test_it_is_not_done_while_runs_end_all_the_time(spell):
    stop = threading.Event()

    def work():
        while not stop.wait(0.001):
            spell.watch.ran()

    working = threading.Thread(target=work)
    working.start()
    assert not spell.called.wait(0.2)
    stop.set()
    working.join()
    assert spell.called.wait(5)
