import pytest

from bench.open_loop import Answers, pooled
from bench.open_loop_capacity import goodput
from bench.open_loop_job import (
    Answer,
    Callers,
    OpenJob,
    Request,
    job_from_json,
    job_to_json,
)

JOB = OpenJob("127.0.0.1", 1, 10.0, [Request("text", "/a", "{}"), Request("live", "/b")])


def answer(
    at: float, seconds: float, status: int = 200, request: int = 0, tokens: int = 0
) -> Answer:
    return Answer(request, 0, at, at + 0.25, seconds, status, None, tokens)


def test_answers_are_chosen_by_kind_status_and_time():
    given = Answers(
        JOB, [answer(1, 2), answer(2, 5, request=1), answer(3, 1, 429), answer(4, 1, 0)]
    )
    assert given.of_kind("live").seconds == [5]
    assert given.of_kind("text", "live").all == given.all
    assert given.with_status(200).seconds == [2, 5]
    assert [each.status for each in given.without_status(200).all] == [429, 0]
    assert given.sent_within(2, 3).seconds == [5]
    assert given.done_within(3, 4).seconds == [2]
    assert given.to_requests({1}).seconds == [5]
    assert given.lateness == [0.25] * 4


def test_pooled_answers_keep_their_kind_their_caller_and_their_own_times():
    other_job = OpenJob("127.0.0.1", 1, 10.0, [Request("live", "/b"), Request("text", "/a", "{}")])
    first = Answers(JOB, [answer(1, 2), answer(8, 3)._replace(chain=4)], 0.5)
    second = Answers(other_job, [answer(1, 5), answer(8, 7, request=1)], 0.25)
    together = pooled([first, second])
    assert together.of_kind("text").seconds == [2, 3, 7]
    assert together.of_kind("live").seconds == [5]
    assert together.sent_within(8, 9).seconds == [3, 7]
    assert [each.chain for each in together.all] == [0, 4, 5, 5]
    assert together.load_cpu_seconds == 0.75


def test_goodput_counts_what_was_answered_in_time_but_for_the_beginning():
    given = [
        answer(0.0, 0.9, tokens=1000),  # in the first tenth
        answer(0.5, 1.0, tokens=10),
        answer(8.0, 1.9, tokens=26),
        answer(9.0, 1.1, tokens=1000),  # after the end
        answer(5.0, 0.1, 429),
    ]
    capacity = goodput(Answers(JOB, given), 10.0)
    assert capacity.texts == pytest.approx(2 / 9)
    assert capacity.tokens == pytest.approx(4)


def test_a_job_survives_its_way_to_the_process():
    job = OpenJob(
        "127.0.0.1",
        8000,
        5.0,
        [Request("text", "/é", '{"inputs": "ü"}', {"X-Priority": "bulk"}, leaves=True)],
        arrivals=[(0.5, 0)],
        callers=[Callers(3, [0], start=1.0)],
        drain_seconds=2.0,
    )
    assert job_from_json(job_to_json(job)) == job
