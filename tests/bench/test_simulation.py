"""The virtual machine: what one request takes, and what several take from each other."""

import pytest

from bench.simulation import (
    BESIDE_WIDE,
    WEIGHTS,
    WIDE_ON_SHARED,
    Cores,
    Replica,
    Settings,
    VirtualTime,
)
from bench.simulation_profile import Profile, RunTimes, Shape
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.crew import Crew
from service.scheduling.errors import DeadlineExceededError, QueueFullError


def run_times(overhead, per_token):
    shapes = [(rows, length) for rows in (1, 2, 4) for length in (8, 32, 128)]
    return RunTimes(
        [Shape(rows, n, rows * n, overhead + per_token * rows * n, 1) for rows, n in shapes]
    )


def profile(workers=1, wide=None, http_seconds=0.0, overhead=0.01, per_token=0.001):
    return Profile(workers, run_times(overhead, per_token), wide, http_seconds)


class Asked:
    """A replica, and when each of its answers came."""

    def __init__(self, known, settings=None):
        self.time = VirtualTime()
        self.replica = Replica(self.time, known, settings or Settings(max_queue_seconds=60))
        self.answers = {}

    def ask(self, name, *lengths, at=0.0):
        def on_answer(error):
            assert name not in self.answers
            self.answers[name] = type(error) if error else pytest.approx(self.time())

        self.time.at(at, lambda: self.replica.request(lengths, on_answer))

    def run(self):
        self.time.run()
        assert self.replica.outstanding == 0
        return self.answers


def test_events_happen_in_the_order_of_time_and_then_of_asking():
    time, seen = VirtualTime(), []
    for name, moment in (("late", 2.0), ("first", 1.0), ("second", 1.0)):
        time.at(moment, lambda name=name: seen.append((name, time())))
    time.run()
    assert seen == [("first", 1.0), ("second", 1.0), ("late", 2.0)]


def ends(cores, time):
    found = {}

    def run(name, seconds, threads, at=0.0, crew=Crew.ALONE):
        def done():
            found.update({name: time()})

        time.at(at, lambda: cores.run(seconds, threads, done, weight=WEIGHTS[crew]))

    return found, run


def test_as_many_runs_as_cores_do_not_slow_each_other():
    time = VirtualTime()
    found, run = ends(Cores(time, 2), time)
    run("a", 3.0, 1)
    run("b", 1.0, 1, at=0.5)
    time.run()
    assert found == {"a": 3.0, "b": 1.5}


def test_more_threads_than_cores_share_them_until_one_run_ends():
    time = VirtualTime()
    found, run = ends(Cores(time, 2), time)
    run("wide", 3.0, 2)
    run("narrow", 1.0, 1, at=1.0)
    time.run()
    # From second 1 on three threads have two cores: each second of work takes 1.5, and the threads
    # of the wide run wait for one another.
    left = 2.0 - 1.5 * 2 / 3 * WIDE_ON_SHARED
    assert found == {"narrow": pytest.approx(2.5), "wide": pytest.approx(2.5 + left)}


def test_what_goes_first_has_most_of_a_core_that_others_want():
    time = VirtualTime()
    found, run = ends(Cores(time, 1), time)
    run("long", 2.0, 1)
    run("short", 0.5, 1, at=1.0, crew=Crew.FIRST)
    time.run()
    share = WEIGHTS[Crew.FIRST] / (WEIGHTS[Crew.FIRST] + WEIGHTS[Crew.ALONE])
    assert found == {"short": pytest.approx(1 + 0.5 / share), "long": pytest.approx(2.5)}


def test_what_goes_first_on_one_core_beside_a_wide_run_shares_it_with_a_thread_of_that():
    time = VirtualTime()
    found, run = ends(Cores(time, 2), time)
    run("wide", 1.0, 2)
    run("short", 0.1, 1, crew=Crew.FIRST)
    time.run()
    share = WEIGHTS[Crew.FIRST] / (WEIGHTS[Crew.FIRST] + WEIGHTS[Crew.ALONE])
    end = 0.1 / (share * BESIDE_WIDE)
    left = (2 - share) / 2 * WIDE_ON_SHARED
    assert found == {"short": pytest.approx(end), "wide": pytest.approx(end + 1 - end * left)}


def test_three_kinds_share_two_cores_by_what_they_weigh():
    time = VirtualTime()
    found, run = ends(Cores(time, 2), time)
    run("bulk", 1.0, 1, crew=Crew.BESIDE)
    run("interactive", 1.0, 1)
    run("first", 0.5, 2, crew=Crew.FIRST)
    time.run()
    first = WEIGHTS[Crew.FIRST] / (WEIGHTS[Crew.FIRST] + WEIGHTS[Crew.BESIDE] + WEIGHTS[Crew.ALONE])
    end = 0.5 / (2 * first - 1)  # its threads wait for one another
    left = 2 - 2 * first
    bulk = left * WEIGHTS[Crew.BESIDE] / (WEIGHTS[Crew.BESIDE] + WEIGHTS[Crew.ALONE])
    assert found == {
        "first": pytest.approx(end),
        "bulk": pytest.approx(end + 1 - end * bulk),
        "interactive": pytest.approx(end + 1 - end * (left - bulk)),
    }


def test_what_goes_first_holds_nobody_up_where_a_core_is_free():
    time = VirtualTime()
    cores, found = Cores(time, 2), {}
    for name, weight in (("long", WEIGHTS[Crew.ALONE]), ("short", WEIGHTS[Crew.FIRST])):
        cores.run(1.0, 1, lambda name=name: found.update({name: time()}), weight=weight)
    time.run()
    assert found == {"long": 1.0, "short": 1.0}


def test_what_goes_first_takes_from_the_runs_only_when_no_core_is_free():
    time = VirtualTime()
    cores = Cores(time, 2)
    found, run = ends(cores, time)
    run("a", 1.0, 1)
    time.at(0.5, lambda: cores.interrupt(0.2))
    run("b", 1.0, 1, at=0.6)
    time.at(0.8, lambda: cores.interrupt(0.2))
    time.run()
    assert found == {"a": pytest.approx(1.1), "b": pytest.approx(1.7)}


def test_a_lone_request_takes_its_run_and_the_event_loop_twice():
    asked = Asked(profile(http_seconds=0.004))
    asked.ask("a", 100)
    assert asked.run() == {"a": pytest.approx(0.002 + 0.110 + 0.002, rel=1e-3)}


def test_requests_pass_the_event_loop_one_after_the_other():
    asked = Asked(profile(workers=8, http_seconds=0.4, overhead=0.001, per_token=1e-7))
    for number in range(3):
        asked.ask(number, 10 + number)
    answers = asked.run()
    assert [answers[number] for number in range(3)] == [
        pytest.approx(seconds, rel=1e-2) for seconds in (0.8, 1.0, 1.2)
    ]


def test_what_waits_goes_into_one_run():
    asked = Asked(profile())
    asked.ask("running", 10)
    for number in range(4):
        asked.ask(number, 15)
    answers = asked.run()
    assert answers[0] == answers[3] == pytest.approx(0.020 + 0.010 + 0.060, rel=1e-3)
    assert asked.replica.work.runs == 2


def test_the_limits_are_the_planners():
    asked = Asked(profile(overhead=0.03), Settings(BatchLimits(30), max_queue_seconds=60))
    for number in range(5):
        asked.ask(number, 15)
    asked.run()
    assert asked.replica.work.runs == 3, "one, and twice two"
    assert asked.replica.work.real_tokens == asked.replica.work.padded_tokens == 75


def test_a_lone_text_takes_the_wide_time_where_sessions_are_widened():
    asked = Asked(profile(workers=2, wide=run_times(0.005, 0.0006)))
    asked.ask("alone", 100)
    assert asked.run() == {"alone": pytest.approx(0.065, rel=1e-3)}


def test_a_short_text_overtakes_a_long_one():
    asked = Asked(profile(overhead=1e-6))
    asked.ask("long", 400)
    asked.ask("short", 20, at=0.1)
    answers = asked.run()
    assert answers["short"] == pytest.approx(
        0.1 + 0.020 * (1 + WEIGHTS[Crew.ALONE] / WEIGHTS[Crew.FIRST]), rel=1e-3
    )
    assert answers["long"] == pytest.approx(0.420, rel=1e-3)


def test_two_at_once_take_a_core_each():
    asked = Asked(profile(workers=2))
    asked.ask("a", 100)
    asked.ask("b", 100)
    assert asked.run() == {"a": pytest.approx(0.11, rel=1e-3), "b": pytest.approx(0.11, rel=1e-3)}


def test_rows_of_one_request_are_answered_together():
    asked = Asked(profile(workers=2))
    asked.ask("a", 100, 20)
    assert asked.run() == {"a": pytest.approx(0.11, rel=1e-3)}


def test_a_full_queue_refuses():
    asked = Asked(profile(), Settings(max_queue_seconds=0.15))
    for number in range(4):
        asked.ask(number, 100)
    answers = asked.run()
    assert answers[0] == pytest.approx(0.11, rel=1e-3)
    assert answers[1] == pytest.approx(0.22, rel=1e-3)
    assert answers[2] is answers[3] is QueueFullError


def test_what_cannot_be_answered_in_time_is_refused():
    asked = Asked(profile(), Settings(max_queue_seconds=60, timeout_seconds=0.15))
    for number in range(2):
        asked.ask(number, 100)
    answers = asked.run()
    assert answers[0] == pytest.approx(0.11, rel=1e-3)
    assert answers[1] is DeadlineExceededError


def test_an_answer_after_its_deadline_is_none():
    known = profile(http_seconds=0.2)
    asked = Asked(known, Settings(max_queue_seconds=60, timeout_seconds=0.25))
    asked.ask("a", 100)
    assert asked.run() == {"a": DeadlineExceededError}
