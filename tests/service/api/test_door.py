"""Who is turned away before being read, and with what answer."""

import json
import re

import pytest

from service.api.door import MOST_UNBEGUN, Door
from service.api.pacing import AT_ONCE, CROWD
from service.lifecycle import Lifecycle
from service.scheduling.batch_limits import BatchLimits
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.errors import QueueFullError
from service.scheduling.priority import Priority
from service.scheduling.scheduler import Scheduler
from service.telemetry.metrics import Metrics

POST = "POST", "/v1/sentiment"
INTERACTIVE, BULK = Priority
TOKENS_PER_SECOND = 1000


class Entrance:
    """A door of a service whose queue holds two seconds; nothing of it is ever run."""

    def __init__(self):
        self.lifecycle, self.metrics = Lifecycle(), Metrics()
        self.lifecycle.started()
        self.scheduler = Scheduler(
            workers=1,
            limits=BatchLimits(256),
            max_queue_seconds=2.0,
            observer=self.metrics,
            clock=lambda: 100.0,
        )
        self.scheduler.add_model(
            "a", None, CostModel(Coefficients(0.0, 1 / TOKENS_PER_SECOND, 0.0))
        )
        self.door = Door(self.lifecycle, self.metrics, self.scheduler)

    def fill(self, seconds=1.9, priority=INTERACTIVE):
        """Hold so much of the queue's room."""
        return self.scheduler.reserve("a", [round(seconds * TOKENS_PER_SECOND)], 1e9, priority)

    def let_in(self, method="POST", path="/v1/sentiment", still_there=True):
        """Whether one more request that has found the door open begins at once."""
        handed_over = []

        def hand_over():
            handed_over.append(path)
            return still_there

        self.door.let_in({"method": method, "path": path}, hand_over)
        return handed_over == [path]

    def begin(self, method="POST", path="/v1/sentiment"):
        """The event loop has got round to one."""
        self.door.begun({"method": method, "path": path})

    def try_it(
        self, method="POST", path="/v1/sentiment", headers=(), keep_alive=True, is_patient=False
    ):
        scope = {"method": method, "path": path, "headers": headers}
        return self.door.turn_away(scope, keep_alive, is_patient)

    def try_unparsed(self, path="/v1/sentiment"):
        return self.door.turn_away_unparsed(
            b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % path.encode()
        )


@pytest.fixture
def entrance():
    return Entrance()


def test_nobody_is_let_in_while_the_queue_is_full(entrance):
    assert entrance.try_it() is None
    reservation = entrance.fill()
    assert entrance.try_it() is not None
    entrance.scheduler.release(reservation)
    assert entrance.try_it() is None


def test_who_would_find_room_is_let_in(entrance):
    entrance.fill(1.6)
    assert entrance.try_it() is None


def test_who_has_waited_is_let_in_unless_the_event_loop_is_behind(entrance):
    entrance.fill()
    assert entrance.try_it(is_patient=True) is None
    for _ in range(MOST_UNBEGUN):
        entrance.let_in()
    assert entrance.try_it(is_patient=True) is not None


def test_each_priority_has_a_door_of_its_own(entrance):
    entrance.fill(priority=BULK)
    assert entrance.try_it() is None
    assert entrance.try_it(headers=[(b"x-priority", b"bulk")]) is not None


def test_more_than_the_event_loop_gets_round_to_is_turned_away(entrance):
    for _ in range(MOST_UNBEGUN):
        assert entrance.try_it() is None
        entrance.let_in()
    assert entrance.try_it() is not None
    entrance.begin()
    assert entrance.try_it() is None


def test_a_crowd_that_was_let_in_and_is_held_back_takes_room(entrance):
    for _ in range(10):
        entrance.scheduler.release(entrance.fill(0.04))
    let_in = 0
    while entrance.try_it() is None:
        entrance.let_in()
        let_in += 1
    assert let_in == AT_ONCE + 41, "one more than fit into four fifths of two seconds"


def test_a_few_that_are_held_back_turn_nobody_away(entrance):
    entrance.scheduler.release(entrance.fill(3.0))
    for _ in range(AT_ONCE + CROWD):
        assert entrance.try_it() is None
        entrance.let_in()
    assert entrance.try_it() is not None


def test_what_runs_no_model_begins_before_those_that_wait(entrance):
    begun_at_once = [entrance.let_in() for _ in range(AT_ONCE + 1)]
    assert begun_at_once == [True] * AT_ONCE + [False]
    assert entrance.let_in("GET", "/health/live")
    entrance.begin("GET", "/health/live")
    assert not entrance.let_in()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health/live"), ("GET", "/v1/models/a"), ("POST", "/v1/other"), ("POST", "/")],
)
def test_what_runs_no_model_is_always_let_in(entrance, method, path):
    entrance.fill()
    assert entrance.try_it(method, path) is None


def test_a_service_that_shuts_down_says_so_instead(entrance):
    entrance.fill()
    entrance.lifecycle.drain()
    assert entrance.try_it() is None
    assert entrance.try_unparsed() is None


def without_id(answer):
    return re.sub(rb"[0-9a-f]{32}", b"", answer)


def test_what_is_not_parsed_is_turned_away_as_if_it_were(entrance):
    assert entrance.try_unparsed() is None
    reservation = entrance.fill()
    other = Entrance()
    other.fill()
    answer, seconds = entrance.try_unparsed("/v1/models/a")
    parsed, told = other.try_it(path="/v1/models/a")
    assert without_id(answer) == without_id(parsed) != parsed
    assert seconds == told
    counted = 'albert_requests_total{model="",route="/v1/models/{model}",status="429"} 1.0'
    assert counted in entrance.metrics.expose("")[0].decode()
    entrance.scheduler.release(reservation)
    assert entrance.try_unparsed() is None


def test_what_runs_no_model_or_says_more_is_parsed(entrance):
    entrance.fill()
    assert entrance.try_unparsed("/v1/other") is None
    assert entrance.try_unparsed("/v1/sentiment?a=b") is None
    assert entrance.door.turn_away_unparsed(b"GET /v1/models/a HTTP/1.1\r\n\r\n") is None


def test_where_bulk_alone_has_no_room_everything_is_parsed(entrance):
    entrance.fill(priority=BULK)
    assert entrance.try_unparsed() is None


def test_the_answer_is_that_of_the_scheduler_with_the_callers_id(entrance):
    entrance.fill(3.0)
    answer, seconds = entrance.try_it(headers=[(b"x-request-id", b"seven")], keep_alive=False)
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = dict(line.split(": ") for line in lines)
    problem = json.loads(body)
    assert seconds == 2
    assert status == "HTTP/1.1 429 Too Many Requests"
    assert fields == {
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
        "retry-after": "2",
        "x-request-id": "seven",
        "connection": "close",
    }
    assert (problem["error_type"], problem["instance"]) == ("overloaded", "seven")
    assert "try again in 2 s" in problem["error"]


def test_each_who_is_turned_away_has_an_id_and_is_told_its_own_time(entrance):
    entrance.fill(3.0)
    ids, seconds = set(), []
    for _ in range(4):
        answer, told = entrance.try_it()
        head, _, body = answer.partition(b"\r\n\r\n")
        problem = json.loads(body)
        assert f"x-request-id: {problem['instance']}\r\n".encode() in head + b"\r\n"
        assert f"try again in {told:g} s" in problem["error"]
        ids.add(problem["instance"])
        seconds.append(told)
        with pytest.raises(QueueFullError):
            entrance.fill(3.0)
    assert len(ids) == 4
    assert seconds == sorted(set(seconds))


def test_who_is_turned_away_is_counted(entrance):
    entrance.fill()
    infer, version = "/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"
    for path in ("/v1/sentiment", "/v1/models/a", "/v1/models/b"):
        entrance.try_it(path=path)
    for path in ("/v2/models/a/infer", "/v2/models/b/infer", "/v2/models/a/versions/1/infer"):
        entrance.try_it(path=path)
    exposed = entrance.metrics.expose("")[0].decode()
    for route, count in (
        ("/v1/sentiment", 1),
        ("/v1/models/{model}", 2),
        (infer, 2),
        (version, 1),
    ):
        expected = f'albert_requests_total{{model="",route="{route}",status="429"}} {count}.0'
        assert expected in exposed


def test_who_left_is_counted_and_done_with_where_a_model_would_be_run(entrance):
    asked = [*[POST] * 2, ("POST", "/v1/models/a"), ("GET", "/health/live"), ("POST", "/v1/other")]
    done = [
        entrance.door.caller_left({"method": method, "path": path, "headers": ()})
        for method, path in asked
    ]
    assert done == [True, True, True, False, False]
    exposed = entrance.metrics.expose("")[0].decode()
    for route, count in (("/v1/sentiment", 2), ("/v1/models/{model}", 1)):
        expected = f'albert_requests_total{{model="",route="{route}",status="499"}} {count}.0'
        assert expected in exposed


def test_what_is_no_request_has_a_problem_and_an_id_and_is_counted(entrance):
    answer = entrance.door.unreadable(400, "malformed_request", "This is not HTTP.")
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json")
    assert f"x-request-id: {problem['instance']}\r\nconnection: close".encode() in head
    assert (problem["error_type"], problem["error"]) == ("malformed_request", "This is not HTTP.")
    counted = 'albert_requests_total{model="",route="",status="400"} 1.0'
    assert counted in entrance.metrics.expose("")[0].decode()
