import pytest

from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from bench.open_loop_retries import Judged, told_wrong, waits

JOB = OpenJob("127.0.0.1", 1, 60.0, [Request("text", "/"), Request("text", "/")])


def answer(
    at: float, status: int, retry_after: float | None = None, chain: int = 0, request: int = 0
) -> Answer:
    return Answer(request, chain, at, at, 0.5, status, retry_after, 0)


def answers(*given: Answer) -> Answers:
    return Answers(JOB, list(given))


def test_a_caller_that_gets_in_when_told_waited_as_long_as_told():
    [wait] = waits(answers(answer(0.0, 429, 2.0), answer(2.5, 200)), end=60.0)
    assert (wait.told, wait.waited, wait.refusals) == (2.0, 2.0, 1)
    assert wait.stretch == 1.0


def test_a_caller_that_is_refused_again_waited_longer_than_first_told():
    told_again = answers(answer(0.0, 429, 1.0), answer(1.5, 429, 2.0), answer(4.0, 200))
    [wait] = waits(told_again, end=60.0)
    assert (wait.waited, wait.refusals) == (3.5, 2)
    assert wait.stretch == 3.5


def test_a_caller_that_was_let_in_at_once_says_nothing_of_retry_after():
    assert waits(answers(answer(0.0, 200)), end=60.0) == []


def test_callers_are_told_apart():
    found = waits(
        answers(
            answer(0.0, 429, 1.0, chain=1),
            answer(0.1, 429, 5.0, chain=2),
            answer(1.5, 200, chain=1),
            answer(5.6, 200, chain=2),
        ),
        end=60.0,
    )
    assert [wait.told for wait in found] == [1.0, 5.0]


def test_a_caller_who_is_still_out_counts_only_when_it_waited_longer_than_told():
    assert waits(answers(answer(59.0, 429, 3.0)), end=60.0) == []
    [wait] = waits(answers(answer(0.0, 429, 1.0), answer(1.5, 429, 1.0)), end=60.0)
    assert wait.waited == 59.5


@pytest.mark.parametrize(("told", "wrong"), [(8.0, 0), (9.0, 1)])
def test_a_refusal_may_tell_up_to_twice_the_time_until_one_as_long_was_let_in(told, wrong):
    refused = answer(10.0, 429, told, request=1)
    shorter_gets_in = answer(11.0, 200, request=0)
    as_long_gets_in = answer(14.0, 200, request=1)
    given = answers(refused, shorter_gets_in, as_long_gets_in)
    assert told_wrong(given, lengths=[10, 50]) == Judged(1, too_long=wrong)


@pytest.mark.parametrize(("told", "wrong"), [(2.0, 0), (1.0, 1)])
def test_a_refusal_may_tell_down_to_half_of_that_time(told, wrong):
    given = answers(answer(10.0, 429, told), answer(14.0, 200))
    assert told_wrong(given, lengths=[10, 10]) == Judged(1, too_short=wrong)


def test_a_longer_one_let_in_before_shows_room_too():
    given = answers(
        answer(0.0, 429, 9.0, request=0), answer(1.0, 200, request=1), answer(5.0, 200, request=0)
    )
    assert told_wrong(given, lengths=[10, 50]) == Judged(1, too_long=1)


def test_the_least_that_can_be_told_is_never_too_long():
    given = answers(answer(0.0, 429, 1.0), answer(0.1, 200))
    assert told_wrong(given, lengths=[10, 10]) == Judged(1)


def test_a_refusal_after_which_nothing_was_let_in_is_not_judged():
    given = answers(answer(0.0, 200), answer(1.0, 429, 30.0))
    assert told_wrong(given, lengths=[10, 10]) == Judged()


def test_the_judged_of_several_jobs_weigh_as_many_as_they_are():
    together = Judged(30, too_long=3) + Judged(10, too_long=5, too_short=2)
    assert together == Judged(40, too_long=8, too_short=2)
    assert (together.share_too_long, together.share_too_short) == (0.2, 0.05)


def test_where_none_was_judged_none_told_wrong():
    assert (Judged().share_too_long, Judged().share_too_short) == (0.0, 0.0)
