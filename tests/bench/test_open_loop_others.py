import os

import pytest

from bench.open_loop_others import Processors, read_processors


def test_others_have_what_was_busy_and_not_our_own():
    before = Processors(wall_seconds=10.0, busy_seconds=100.0, own_seconds=1.0, cores=2)
    after = Processors(wall_seconds=20.0, busy_seconds=116.0, own_seconds=12.0, cores=2)
    assert after.others(before) == pytest.approx(0.25)


def test_ticks_that_were_counted_apart_do_not_make_others_negative():
    before = Processors(10.0, 100.0, 1.0, 2)
    assert Processors(20.0, 101.0, 2.5, 2).others(before) == 0.0


def test_idle_and_waiting_are_not_busy_and_stolen_time_is(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 4000 500 6 7 80 9 0\ncpu0 1 2\ncpu1 3 4\nintr 5\n")
    read = read_processors(stat, clock=lambda: 7.0)
    ticks = 100 + 20 + 30 + 6 + 7 + 80
    assert read.busy_seconds == pytest.approx(ticks / os.sysconf("SC_CLK_TCK"))
    assert (read.wall_seconds, read.cores) == (7.0, 2)
    assert read.own_seconds > 0
