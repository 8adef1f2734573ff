"""Who is turned away before being read, for how long, and with what answer."""

import json

import pytest

from service.api.door import MOST_UNBEGUN, Door
from service.lifecycle import Lifecycle
from service.scheduling.errors import QueueFullError
from service.scheduling.priority import Priority
from service.telemetry.metrics import Metrics

POST = "POST", "/v1/sentiment"
INTERACTIVE, BULK = Priority


class Entrance:
    """A door of a service whose queue holds two seconds, on a clock that the test turns."""

    def __init__(self):
        self.now = 100.0
        self.lifecycle, self.metrics = Lifecycle(), Metrics()
        self.lifecycle.started()
        self.door = Door(self.lifecycle, self.metrics, self.refuse, 2.0, clock=lambda: self.now)

    def refuse(self, priority):
        return QueueFullError(1.2, priority, 2.0)

    def try_it(
        self, method="POST", path="/v1/sentiment", headers=(), keep_alive=True, is_patient=False
    ):
        scope = {"method": method, "path": path, "headers": headers}
        return self.door.turn_away(scope, keep_alive, is_patient)


@pytest.fixture
def entrance():
    return Entrance()


def test_after_a_full_queue_nobody_is_let_in_for_a_hundredth_of_it(entrance):
    assert entrance.try_it() is None
    entrance.door.queue_was_full(QueueFullError(0.3, INTERACTIVE, 1.9))
    assert entrance.try_it() is not None
    entrance.now += 0.021
    assert entrance.try_it() is None


def test_who_has_waited_is_let_in_unless_the_event_loop_is_behind(entrance):
    entrance.door.queue_was_full(QueueFullError(0.3, INTERACTIVE, 1.9))
    assert entrance.try_it(is_patient=True) is None
    for _ in range(MOST_UNBEGUN):
        entrance.door.came()
    assert entrance.try_it(is_patient=True) is not None


def test_a_large_request_that_finds_no_room_does_not_shut_the_door(entrance):
    entrance.door.queue_was_full(QueueFullError(0.3, INTERACTIVE, 1.0))
    assert entrance.try_it() is None


def test_each_priority_has_a_door_of_its_own(entrance):
    entrance.door.queue_was_full(QueueFullError(0.3, BULK, 2.0))
    assert entrance.try_it() is None
    assert entrance.try_it(headers=[(b"x-priority", b"bulk")]) is not None


def test_more_than_the_event_loop_gets_round_to_is_turned_away(entrance):
    for _ in range(MOST_UNBEGUN):
        assert entrance.try_it() is None
        entrance.door.came()
    assert entrance.try_it() is not None
    entrance.door.begun()
    assert entrance.try_it() is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health/live"), ("GET", "/v1/models/a"), ("POST", "/v1/other"), ("POST", "/")],
)
def test_what_runs_no_model_is_always_let_in(entrance, method, path):
    entrance.door.queue_was_full(QueueFullError(0.3, INTERACTIVE, 2.0))
    assert entrance.try_it(method, path) is None


def test_a_service_that_shuts_down_says_so_instead(entrance):
    entrance.door.queue_was_full(QueueFullError(0.3, INTERACTIVE, 2.0))
    entrance.lifecycle.drain()
    assert entrance.try_it() is None


def test_the_answer_is_that_of_the_scheduler_with_the_callers_id(entrance):
    entrance.door.queue_was_full(QueueFullError(1.2, INTERACTIVE, 2.0))
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


def test_who_is_turned_away_is_counted(entrance):
    entrance.door.queue_was_full(QueueFullError(1.2, INTERACTIVE, 2.0))
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
