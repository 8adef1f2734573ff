"""What goes first, and what it may overtake when every core is taken."""

import threading

import numpy as np
import pytest

from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.crew import Crew
from service.scheduling.crowd import CROWD_ROWS, CROWD_SHORT_ROWS, STEADY_SECONDS
from service.scheduling.priority import Priority
from service.scheduling.runs import HELD_UP_TIMES, WIDE_SHARE
from service.scheduling.ticket import SHORT_TOKENS
from service.scheduling.turns import GATHERED_TOKENS
from tests.service.scheduling.conftest import Bench, Idle, sequence


def lengths(run):
    return None if run is None else [row.length for row in run.sequences]


def finish(bench, run, seconds=0.0):
    bench.scheduler.finish(run, [(np.zeros(1),)] * len(run.tickets), seconds)


@pytest.fixture
def busy(bench: Bench):
    """A scheduler that runs a row of 200 tokens on each of two workers: 0.2 s each."""
    bench.submit(200), bench.submit(201)
    bench.runs = [bench.scheduler.poll(), bench.scheduler.poll()]
    return bench


def test_a_short_row_overtakes_longer_runs(busy):
    short = busy.submit(20)
    assert busy.scheduler.poll() is None, "no core is free"
    run = busy.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.overtakes) == ([20], True)
    finish(busy, run)
    assert busy.done == [short]


def test_a_row_that_others_would_wait_for_overtakes_nothing(busy):
    busy.submit(SHORT_TOKENS + 1)
    assert busy.scheduler.poll(Crew.FIRST) is None
    busy.submit(SHORT_TOKENS)
    assert lengths(busy.scheduler.poll(Crew.FIRST)) == [SHORT_TOKENS]


def test_a_short_row_goes_first_on_a_core_that_is_free(bench):
    bench.submit(200)
    assert bench.scheduler.poll(Crew.FIRST) is None, "a long row is for the others"
    assert not bench.scheduler.poll().goes_first
    bench.submit(20)
    run = bench.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.quick, run.overtakes) == ([20], True, False)


def test_no_more_go_first_at_once_than_there_are_workers(bench):
    bench.submit(200), bench.submit(20)
    quick, long = bench.scheduler.poll(Crew.FIRST), bench.scheduler.poll()
    assert [lengths(run) for run in (quick, long)] == [[20], [200]]
    bench.submit(21), bench.submit(22)
    assert lengths(bench.scheduler.poll(Crew.FIRST)) == [21]
    assert bench.scheduler.poll(Crew.FIRST) is None
    finish(bench, quick)
    assert lengths(bench.scheduler.poll(Crew.FIRST)) == [22]


def test_no_more_overtake_at_once_than_there_are_workers(busy):
    for _ in range(3):
        busy.submit(20)
    overtaking = [busy.scheduler.poll(Crew.FIRST) for _ in range(3)]
    assert [lengths(run) for run in overtaking] == [[20], [20], None]


def test_a_worker_that_is_free_while_something_overtakes_leaves_the_core_to_it(busy):
    busy.submit(20), busy.submit(190)
    overtaking = busy.scheduler.poll(Crew.FIRST)
    finish(busy, busy.runs[0])
    assert busy.scheduler.poll() is None
    finish(busy, overtaking)
    assert lengths(busy.scheduler.poll()) == [190]


def test_a_run_is_held_up_for_no_longer_than_three_times_what_it_takes(busy):
    overtaken_seconds = 0.0
    while busy.submit(20) and (run := busy.scheduler.poll(Crew.FIRST)) is not None:
        overtaken_seconds += run.cost_seconds
        finish(busy, run)
    assert 1.18 < overtaken_seconds < 1.23, "0.6 s for each of both, and one row more"


def test_no_more_go_first_than_there_are_cores_beside_bulk_either(bench):
    bench.submit(200, priority=Priority.BULK)
    bench.submit(200, priority=Priority.BULK)
    assert bench.scheduler.poll().is_bulk
    assert bench.scheduler.poll().is_bulk
    for _ in range(2):
        bench.submit(60)
        assert bench.scheduler.poll(Crew.FIRST).overtakes
    bench.submit(10)
    assert bench.scheduler.poll(Crew.FIRST) is None


@pytest.mark.parametrize(
    ("length", "count"), [(100, CROWD_ROWS * 2 - 3), (20, CROWD_SHORT_ROWS * 2 - 2)]
)
def test_in_a_crowd_nothing_overtakes_until_it_is_over(busy, length, count):
    busy.scheduler._backlog._room_seconds = 60
    for _ in range(count - 1):
        busy.submit(length)
    busy.submit(20)
    short = busy.scheduler.poll(Crew.FIRST)
    assert lengths(short) == [20]
    busy.submit(length), busy.submit(20)
    assert busy.scheduler.poll(Crew.FIRST) is None
    finish(busy, short)
    assert busy.scheduler.poll(Crew.FIRST) is None, "fewer than make a crowd, but many"
    for run in busy.runs:
        finish(busy, run)
    while (run := busy.scheduler.poll()) is not None:
        finish(busy, run)
    busy.submit(200), busy.scheduler.poll()
    busy.submit(201), busy.scheduler.poll()
    busy.submit(20)
    assert lengths(busy.scheduler.poll(Crew.FIRST)) == [20]


def test_those_that_run_are_of_the_crowd(bench):
    for _ in range(CROWD_SHORT_ROWS * 2 - 3):
        bench.submit(10)
    rows = [len(bench.scheduler.poll().tickets) for _ in range(2)]
    assert sum(rows) == CROWD_SHORT_ROWS * 2 - 3
    bench.submit(10), bench.submit(10)
    assert bench.scheduler.poll(Crew.FIRST) is not None
    bench.submit(10)
    assert bench.scheduler.poll(Crew.FIRST) is None


def test_one_giant_request_holds_no_short_row_up(bench):
    bench.submit(*[200] * 40)
    for _ in range(4):
        run = bench.scheduler.poll()
        bench.clock.now += 0.2
        finish(bench, run)
    bench.clock.now += STEADY_SECONDS
    bench.scheduler.poll(), bench.scheduler.poll()
    bench.submit(20)
    assert lengths(bench.scheduler.poll(Crew.FIRST)) == [20]


def test_a_row_overtakes_a_lone_text_that_has_every_core(bench):
    bench.scheduler.add_model("wide", Idle(widens=True), CostModel(Coefficients(0.0, 1e-3, 0.0)))
    bench.submit(200, model="wide")
    assert bench.scheduler.poll().wide
    bench.submit(20)
    assert lengths(bench.scheduler.poll(Crew.FIRST)) == [20]


def test_a_lone_short_text_that_has_every_core_is_not_overtaken(bench):
    bench.scheduler.add_model("wide", Idle(widens=True), CostModel(Coefficients(0.0, 1e-3, 0.0)))
    bench.submit(60, model="wide")
    assert bench.scheduler.poll(Crew.FIRST).wide
    bench.submit(20)
    assert bench.scheduler.poll(Crew.FIRST) is None


def test_what_overtakes_and_what_is_held_up_teaches_the_cost_model_nothing(bench):
    cost = CostModel(Coefficients(0.0, 1e-3, 0.0))
    bench.scheduler.add_model("c", Idle(), cost)
    for _ in range(20):
        bench.submit(200, model="c"), bench.submit(200, model="c")
        runs = [bench.scheduler.poll(), bench.scheduler.poll()]
        bench.submit(20, model="c")
        for run in (bench.scheduler.poll(Crew.FIRST), *runs):
            finish(bench, run, seconds=7.0)
    assert cost.predict(1, 10) == pytest.approx(0.01)


def test_bulk_is_overtaken_by_all_interactive_work_as_if_it_were_not_there(bench):
    bench.submit(50, priority=Priority.BULK), bench.submit(50, priority=Priority.BULK)
    bulk = [bench.scheduler.poll(), bench.scheduler.poll()]
    assert [run.is_bulk for run in bulk] == [True, True]
    for length in (100, 100, 40, 40):
        bench.submit(length)
    overtaking = [bench.scheduler.poll(Crew.FIRST) for _ in range(3)]
    assert [lengths(run) for run in overtaking] == [[40], [40], None]
    finish(bench, overtaking[0])
    long = bench.scheduler.poll(Crew.FIRST)
    assert lengths(long) == [100]
    for run in (overtaking[1], long, *bulk):
        finish(bench, run)
    assert bench.run_all() == [[100]]


def test_bulk_that_is_owed_is_not_held_up_by_work_of_its_own_length(bench):
    bench.submit(50)
    interactive = bench.scheduler.poll()
    bench.submit(60, priority=Priority.BULK)
    bulk = bench.scheduler.poll()
    for _ in range(16):  # nine tenths of a second, of which bulk has had 0.06
        finish(bench, interactive)
        bench.submit(50)
        interactive = bench.scheduler.poll()
    bench.submit(60)
    assert bench.scheduler.poll(Crew.FIRST) is None
    bench.submit(5)
    assert lengths(bench.scheduler.poll(Crew.FIRST)) == [5]
    assert bulk.is_bulk


def test_each_crew_leaves_the_others_what_is_theirs(bench):
    taken = {crew: [] for crew in Crew}
    all_done = threading.Event()

    def work(crew):
        while (run := bench.scheduler.take(crew)) is not None:
            taken[crew].append(lengths(run))
            finish(bench, run)

    threads = [threading.Thread(target=work, args=(crew,)) for crew in [*Crew, *Crew]]
    for thread in threads:
        thread.start()
    work = [(20, Priority.INTERACTIVE), (200, Priority.INTERACTIVE), (40, Priority.BULK)]
    for length, priority in work * 2:
        all_done.clear()
        reservation = bench.scheduler.reserve("a", [length], bench.clock() + 30, priority)
        bench.scheduler.submit(reservation, [sequence(length)], lambda _: all_done.set())
        assert all_done.wait(5)
    bench.scheduler.close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert taken == {
        Crew.ALONE: [[200]] * 2,
        Crew.BESIDE: [[40]] * 2,
        Crew.FIRST: [[20]] * 2,
    }


def test_those_who_run_what_overtakes_wake_for_it_and_for_the_end(busy):
    taken = []

    def overtake():
        while (run := busy.scheduler.take(Crew.FIRST)) is not None:
            taken.append(run)
            finish(busy, run)

    threads = [threading.Thread(target=overtake) for _ in range(2)]
    for thread in threads:
        thread.start()
    answered = threading.Event()
    reservation = busy.scheduler.reserve("a", [20], busy.clock() + 30)
    busy.scheduler.submit(reservation, [sequence(20)], lambda _: answered.set())
    assert answered.wait(5)
    busy.scheduler.close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert [lengths(run) for run in taken] == [[20]]


@pytest.fixture(params=[False, True], ids=["padded", "packed"])
def wide(request, bench: Bench):
    """A scheduler that runs a row of 200 tokens on each of two workers, 0.2 s each, of a model that
    makes use of every core.
    """
    executor = Idle(widens=True, packs=request.param)
    bench.scheduler.add_model("wide", executor, CostModel(Coefficients(0.0, 1e-3, 0.0)))
    bench.submit(200, 200, model="wide")
    bench.runs = [bench.scheduler.poll(), bench.scheduler.poll()]
    assert not any(run.wide for run in bench.runs)
    return bench


def test_short_rows_overtake_together_and_on_every_core(wide):
    wide.submit(30, 30, 30, 30, 80, model="wide")
    run = wide.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.wide, run.overtakes) == ([30, 30, 30], True, True)
    assert run.real_tokens <= GATHERED_TOKENS < run.real_tokens + 30
    assert wide.scheduler.poll(Crew.FIRST) is None, "it has every core"
    finish(wide, run)
    assert lengths(wide.scheduler.poll(Crew.FIRST)) == [30]


def test_a_short_row_has_every_core_beside_a_long_one(wide):
    finish(wide, wide.runs[0])
    wide.submit(40, model="wide")
    run = wide.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.wide, run.overtakes) == ([40], True, False)
    wide.submit(300, model="wide")
    assert wide.scheduler.poll() is None, "it has every core"
    finish(wide, run)
    assert lengths(wide.scheduler.poll()) == [300]


def test_what_a_gathered_run_holds_up_has_all_of_the_delay(wide):
    ends = [wide.scheduler._runs._ends[run] for run in wide.runs]
    wide.submit(50, model="wide")
    assert wide.scheduler.poll(Crew.FIRST).wide
    later = [wide.scheduler._runs._ends[run] for run in wide.runs]
    assert later == pytest.approx([end + WIDE_SHARE * 0.05 for end in ends])


def test_a_run_that_was_held_up_on_every_core_for_long_goes_on_beside_what_overtakes_it(wide):
    overtaking = []
    while (wide.submit(60, model="wide") and (run := wide.scheduler.poll(Crew.FIRST))) and (
        len(overtaking) < 20
    ):
        overtaking.append(run.wide)
        wide.clock.now += 0.03
        finish(wide, run)
    every, one = overtaking.count(True), overtaking.count(False)
    assert overtaking == [True] * every + [False] * one
    # Of 0.2 s, the delay by those on every core, and by those of which each of two has a half.
    assert every == np.ceil(0.2 / (WIDE_SHARE * 0.06))
    assert one == np.ceil((0.6 - every * WIDE_SHARE * 0.06) / 0.03)


def test_a_lone_text_on_every_core_is_overtaken_on_every_core_for_as_long_as_it_may_be(wide):
    for run in wide.runs:
        finish(wide, run)
    wide.submit(200, model="wide")
    assert wide.scheduler.poll().wide
    overtaking, held_up = 0, WIDE_SHARE * 0.2
    while wide.submit(60, model="wide") and (run := wide.scheduler.poll(Crew.FIRST)):
        assert run.wide, "on one core it would share that with a thread of the other"
        wide.clock.now += WIDE_SHARE * 0.06
        finish(wide, run)
        overtaking += 1
    assert overtaking == np.ceil((HELD_UP_TIMES * 0.2 - held_up) / (WIDE_SHARE * 0.06))


def test_bulk_goes_on_on_one_core_beside_a_short_row_that_overtakes_it(bench):
    executor = Idle(widens=True, packs=True)
    bench.scheduler.add_model("wide", executor, CostModel(Coefficients(0.0, 1e-3, 0.0)))
    bench.submit(200, 200, model="wide", priority=Priority.BULK)
    assert [bench.scheduler.poll().is_bulk for _ in range(2)] == [True, True]
    bench.submit(30, model="wide")
    run = bench.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.wide) == ([30], False)


def test_in_a_crowd_nothing_is_gathered(wide):
    for _ in range(CROWD_SHORT_ROWS * 2):
        wide.submit(10, model="wide")
    assert wide.scheduler.poll(Crew.FIRST) is None
    finish(wide, wide.runs[0])
    run = wide.scheduler.poll()
    assert (run.wide, run.quick, len(run.tickets)) == (False, False, CROWD_SHORT_ROWS * 2)


@pytest.fixture
def fast(bench: Bench):
    """A scheduler with a model that takes 0.05 ms a token: no run of it is long."""
    bench.scheduler.add_model("fast", Idle(), CostModel(Coefficients(0.0, 5e-5, 0.0)))
    return bench


def test_what_is_soon_done_is_not_overtaken_and_goes_behind_nothing(fast):
    runs = []
    for _ in range(2):
        fast.submit(200, model="fast")
        runs.append(fast.scheduler.poll())
    fast.submit(20, model="fast")
    assert fast.scheduler.poll(Crew.FIRST) is None
    finish(fast, runs[0])
    assert fast.scheduler.poll(Crew.FIRST) is None, "it is for the others"
    assert not fast.scheduler.poll().goes_first


def test_short_rows_of_a_fast_model_overtake_long_runs_of_another(fast):
    fast.submit(200), fast.submit(201)
    assert [lengths(fast.scheduler.poll()) for _ in range(2)] == [[200], [201]]
    fast.submit(20, model="fast")
    run = fast.scheduler.poll(Crew.FIRST)
    assert (lengths(run), run.overtakes) == ([20], True)


def test_bulk_that_is_soon_done_makes_room_at_once_for_one_alone(fast):
    for _ in range(2):
        fast.submit(100, model="fast", priority=Priority.BULK)
        assert fast.scheduler.poll().is_bulk
    fast.submit(90, model="fast"), fast.submit(91, model="fast")
    assert lengths(fast.scheduler.poll(Crew.FIRST)) == [90]
    assert fast.scheduler.poll(Crew.FIRST) is None
