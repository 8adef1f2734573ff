"""Around everything: nobody is let in whom Access refuses, also where the door did not write it."""

import asyncio
import json
import time

import pytest

from service.api.access import Access
from service.api.access_middleware import AccessMiddleware
from service.api.door import Door
from service.api.observation import ObservationMiddleware
from service.api_keys import read_keys
from service.lifecycle import Lifecycle
from service.telemetry.metrics import Metrics
from tests.keys import ALICE, WRONG, write_keys

AUTHORIZED = [(b"authorization", f"Bearer {ALICE}".encode())]


class Served:
    """An application behind the middleware, and what came of requests to it."""

    def __init__(self, tmp_path, rate=None):
        self.metrics = Metrics()
        self.lifecycle = Lifecycle()
        self.seen = []
        access = Access(read_keys(write_keys(tmp_path)), rate, self.metrics, lambda: 1000.0)
        self.door = Door(self.lifecycle, self.metrics, NoQueue(), access)
        self.app = AccessMiddleware(self.answer, access, self.observed)

    def observed(self, app):
        return ObservationMiddleware(app, self.metrics, self.lifecycle, self.door)

    async def answer(self, scope, receive, send):
        self.seen.append(scope.get("path"))
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    def ask(self, headers=(), path="/v1/sentiment", state=None):
        """Status, headers and body; the request's body is not to be read."""
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            raise AssertionError("a refused request's body is read")

        scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
        scope |= {"client": ("10.0.0.1", 1), "state": {"started": time.monotonic()}}
        asyncio.run(self.app(scope, receive, send))
        start, *rest = sent
        return start["status"], dict(start["headers"]), b"".join(each["body"] for each in rest)


class NoQueue:
    """Nobody is turned away for want of room here."""

    def is_full(self, priority, coming):
        return False

    def refuse_unread(self, priority):
        raise AssertionError("there is room")


@pytest.mark.parametrize(
    ("headers", "status", "error_type"),
    [((), 401, b"no_key"), ([(b"authorization", f"Bearer {WRONG}".encode())], 403, b"wrong_key")],
)
def test_a_refusal_is_a_problem_with_an_id_and_is_counted(tmp_path, headers, status, error_type):
    served = Served(tmp_path)
    given, fields, body = served.ask(headers)
    problem = json.loads(body)
    assert given == problem["status"] == status
    assert problem["error_type"].encode() == error_type
    assert fields[b"content-type"] == b"application/problem+json"
    assert fields[b"x-request-id"].decode() == problem["instance"]
    assert (b"www-authenticate" in fields) == (status == 401)
    assert served.seen == []
    counted = f'albert_requests_total{{model="",route="/v1/sentiment",status="{status}"}} 1.0'
    assert counted in served.metrics.expose("")[0].decode()


def test_who_may_ask_is_passed_on(tmp_path):
    served = Served(tmp_path)
    assert served.ask(AUTHORIZED)[:2] == (204, {})
    assert served.ask(path="/health/live")[:2] == (204, {})
    assert served.seen == ["/v1/sentiment", "/health/live"]


def test_answers_and_refusals_say_what_is_left_of_the_rate(tmp_path):
    served = Served(tmp_path, rate=2)
    answers = [served.ask(AUTHORIZED) for _ in range(3)]
    assert [status for status, _, _ in answers] == [204, 204, 429]
    assert {fields[b"ratelimit-policy"] for _, fields, _ in answers} == {b'"requests";q=2;w=1'}
    left = [fields[b"ratelimit"] for _, fields, _ in answers]
    assert left == [b'"requests";r=1;t=1', b'"requests";r=0;t=1', b'"requests";r=0;t=1']
    assert answers[2][1][b"retry-after"] == b"1"


def test_what_is_no_request_is_passed_on(tmp_path):
    served = Served(tmp_path)
    asyncio.run(served.app({"type": "lifespan"}, None, None))
    assert served.seen == [None]


# The door --------------------------------------------------------------------------------------


def at_the_door(served, headers=(), method="POST", path="/v1/sentiment", state=None):
    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    scope |= {"client": ("10.0.0.1", 1), "state": {} if state is None else state}
    return served.door.turn_away(scope, True, False)


def test_the_door_writes_the_same_refusal_and_keeps_no_place_in_the_queue_for_it(tmp_path):
    served = Served(tmp_path, rate=2)
    served.lifecycle.started()
    answer, seconds = at_the_door(served)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert seconds is None
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'\r\nwww-authenticate: Bearer realm="albert-serve"\r\n' in head
    assert b'\r\nratelimit: "requests";r=1;t=1\r\n' in head
    assert json.loads(body)["error_type"] == "no_key"
    assert f"x-request-id: {json.loads(body)['instance']}".encode() in head
    assert at_the_door(served, AUTHORIZED) is None
    assert at_the_door(served, path="/health/live") is None


def test_who_asks_is_looked_at_before_anyone_is_told_that_there_is_no_room(tmp_path, monkeypatch):
    served = Served(tmp_path)
    served.lifecycle.started()
    monkeypatch.setattr(NoQueue, "is_full", lambda *_: True)
    request = b"POST /v1/sentiment HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert served.door.turn_away_unparsed(request) is None
    assert at_the_door(served)[0].startswith(b"HTTP/1.1 401 ")


def test_an_answer_to_head_is_a_header(tmp_path):
    served = Served(tmp_path)
    served.lifecycle.started()
    answer, _ = at_the_door(served, method="HEAD", path="/v1/models")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1
    length = int(answer.partition(b"content-length: ")[2].partition(b"\r")[0])
    assert length > 100


def test_before_and_after_serving_the_door_leaves_it_to_the_middleware(tmp_path):
    served = Served(tmp_path)
    assert at_the_door(served) is None
    served.lifecycle.started()
    assert at_the_door(served) is not None
    served.lifecycle.drain()
    assert at_the_door(served) is None
    status, fields, _ = served.ask()
    assert (status, fields[b"connection"]) == (401, b"close")
