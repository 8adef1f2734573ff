"""Health, failed models, shutdown: what an orchestrator sees."""

import asyncio
import json
import shutil
import signal
import socket
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from bench.process_memory import read_voluntary_switches
from tests.end_to_end.conftest import export
from tests.made_texts import distinct_texts
from tests.server import ServerProcess


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_health_has_three_answers(tiny):
    for path in ("live", "ready", "startup"):
        answer = tiny.client.get(f"/health/{path}")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_the_first_to_ask_for_the_description_keeps_nobody_waiting(tiny_models):
    with ServerProcess(tiny_models) as server:
        before = event_loop_seconds(server)
        assert server.client.get("/openapi.json").status_code == 200
        assert event_loop_seconds(server) - before < 0.05


def event_loop_seconds(server):
    """Processor time that the thread of the event loop has had."""
    pid = server.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def test_an_idle_service_sleeps_and_still_knows_what_time_it_is(tiny_models):
    with ServerProcess(tiny_models) as server:
        before = read_voluntary_switches(server.process.pid)
        time.sleep(3)
        assert read_voluntary_switches(server.process.pid) - before < 12  # of 30 tenths
        told = parsedate_to_datetime(server.client.get("/health/live").headers["Date"])
        assert abs(told.timestamp() - time.time()) < 3


def test_a_broken_model_is_reported_and_the_rest_is_served(tiny_models, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(tiny_models, models)
    with (models / "topics" / "1" / "model.onnx").open("r+b") as file:
        file.seek(100)
        file.write(b"\0\0\0\0")
    (models / "tags" / "1" / "manifest.json").unlink()
    (models / "notes.txt").write_text("not a model")
    (models / ".1-abc.partial").mkdir()
    with ServerProcess(models) as server:
        described = {
            model["name"]: model for model in server.client.get("/v1/models").json()["models"]
        }
        assert described["topics"]["status"] == described["tags"]["status"] == "failed"
        assert "model.onnx" in described["topics"]["reason"]
        assert "manifest" in described["tags"]["reason"]
        assert described["sentiment"]["status"] == "ready"
        assert server.client.post("/v1/sentiment", json={"inputs": "a"}).status_code == 200
        assert server.client.post("/v1/models/topics", json={"inputs": "a"}).status_code == 503
        index = server.client.post("/v2/repository/index").json()
        failed = {each["name"]: each for each in index if each["state"] == "UNAVAILABLE"}
        assert set(failed) == {"tags", "topics"}
        assert failed["topics"]["reason"] == described["topics"]["reason"]
        ready = server.client.post("/v2/repository/index", json={"ready": True}).json()
        assert ready == [each for each in index if each["state"] == "READY"]
        for name in ("topics", "topics_tensors"):
            for about in ("", "/ready", "/config"):
                assert server.client.get(f"/v2/models/{name}{about}").status_code == 503
        assert server.metric("albert_model_info", model="topics") == 0
        assert server.metric("albert_model_info", model="sentiment") == 1


def test_ready_is_refused_while_a_route_lacks_its_model(tiny_models, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(tiny_models / "qa", models / "qa")
    (models / "qa" / "1" / "tokenizer.json").write_text("{}")
    shutil.copytree(tiny_models / "sentiment", models / "sentiment")
    with ServerProcess(models, when_ready=False) as server:
        server.event("not ready")
        ready = server.client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["reasons"] == ["The model 'qa' failed to load."]
        again = server.client.get("/v2/health/ready")
        assert again.status_code == 503
        assert again.json() == {"ready": False, "reasons": ready.json()["reasons"]}
        assert server.client.get("/health/startup").status_code == 200
        answer = server.client.post("/v1/question-answering", json={"inputs": []})
        assert answer.status_code == 503
        # Nobody put a classification model there, so nothing is amiss with that route.
        answer = server.client.post("/v1/classification", json={"inputs": "a"})
        assert answer.status_code == 404
        assert server.client.post("/v1/sentiment", json={"inputs": "a"}).status_code == 200


@pytest.mark.parametrize("name", ["nope", "topics"])
def test_a_default_that_is_not_there_or_does_something_else_is_not_ready(tiny_models, name):
    with ServerProcess(tiny_models, when_ready=False, ALBERT_DEFAULT_SENTIMENT=name) as server:
        [logged] = server.event("not ready")["reasons"]
        [reason] = server.client.get("/health/ready").json()["reasons"]
        assert logged == reason
        assert name in reason
        assert server.client.post("/v1/sentiment", json={"inputs": "a"}).status_code == 503


def test_a_model_exported_as_default_goes_before_the_first_by_name(tmp_path):
    export(tmp_path, "colours", labels=("red", "green"), seed=1)
    export(tmp_path, "topics", labels=("home", "abroad"), seed=2, default=True)
    models, question = tmp_path / "models", {"inputs": "a"}
    with ServerProcess(models) as server:
        [scores] = server.client.post("/v1/classification", json=question).json()
        assert {score["label"] for score in scores} == {"home", "abroad"}
    with (models / "topics" / "1" / "model.onnx").open("ab") as file:
        file.write(b"x")
    with ServerProcess(models, when_ready=False) as server:
        server.event("not ready")
        assert server.client.post("/v1/classification", json=question).status_code == 503
        assert server.client.post("/v1/models/colours", json=question).status_code == 200


def test_the_highest_version_is_served(tiny_models, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(tiny_models / "sentiment", models / "sentiment")
    (models / "sentiment" / "x").mkdir()
    shutil.copytree(models / "sentiment" / "1", models / "sentiment" / "2")
    with ServerProcess(models, when_ready=False) as server:
        server.event("not ready")
        [model] = server.client.get("/v1/models").json()["models"]
        assert (model["version"], model["status"]) == (2, "failed")
        assert "version" in model["reason"]


def test_sigterm_finishes_what_was_admitted_and_turns_the_rest_away(slow_models):
    bodies = [
        {"inputs": distinct_texts(20, 240), "parameters": {"truncation": "right"}}
        for _ in range(12)
    ]

    async def ask(server):
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            running = [
                asyncio.ensure_future(client.post("/v1/sentiment", json=body)) for body in bodies
            ]
            await until(lambda: server.metric("albert_requests_in_flight") >= 13)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(server.event, "draining")
            ready = await client.get("/health/ready")
            late = await client.post("/v1/sentiment", json={"inputs": "a"})
            alive = await client.get("/health/live")
            return await asyncio.gather(*running), ready, late, alive

    with ServerProcess(slow_models, "--max-queue-seconds", "60") as server:
        answers, ready, late, alive = asyncio.run(ask(server))
        assert [answer.status_code for answer in answers] == [200] * 12
        assert all(len(answer.json()) == 20 for answer in answers)
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert late.status_code == 503
        assert late.headers["Connection"] == "close"
        assert alive.status_code == 200
        assert server.process.wait(10) == 0


def test_the_drain_time_bounds_the_shutdown(slow_models):
    rows = {"inputs": distinct_texts(256, 400)}

    async def ask(server):
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            running = asyncio.ensure_future(
                client.post("/v1/sentiment", json=rows, headers={"X-Request-Timeout": "600"})
            )
            await until(lambda: server.metric("albert_queue_sequences") > 0)
            server.process.send_signal(signal.SIGTERM)
            return await running

    with ServerProcess(
        slow_models, "--threads", "1", "--drain-seconds", "0.2", "--max-queue-seconds", "600"
    ) as server:
        start = time.monotonic()
        answer = asyncio.run(ask(server))
        assert answer.status_code == 503
        assert server.process.wait(10) == 0
        assert time.monotonic() - start < 20


def test_a_second_signal_ends_it_at_once(slow_models):
    content = json.dumps({"inputs": distinct_texts(256, 300)}).encode()
    head = (
        b"POST /v1/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"X-Request-Timeout: 600\r\nContent-Length: %d\r\n\r\n" % len(content)
    )
    with (
        ServerProcess(slow_models, "--max-queue-seconds", "600") as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
    ):
        connection.sendall(head + content)
        end = time.monotonic() + 20
        while server.metric("albert_queue_sequences") == 0:
            assert time.monotonic() < end
        server.process.send_signal(signal.SIGINT)
        server.event("draining")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(2) == 128 + signal.SIGINT


class SlowStart(ServerProcess):
    """Loads no model, and takes ``seconds`` for each."""

    def __init__(self, models, seconds):
        super().__init__(models, when_ready=False)
        slow = (
            "import sys, time\n"
            "from service import registry, start\n"
            f"registry.open_version = lambda _: time.sleep({seconds})\n"
            "sys.exit(start.start(sys.argv[1:]))\n"
        )
        self._command[1:3] = ["-c", slow]


def test_a_signal_during_the_start_waits_for_no_more_than_the_model_at_hand(tiny_models):
    with SlowStart(tiny_models, seconds=2) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0
    events = [event["event"] for event in server.events()]
    assert "stopped" in events
    assert not {"ready", "not ready"} & set(events)


def test_a_second_signal_during_the_start_waits_for_nothing(tiny_models):
    with SlowStart(tiny_models, seconds=60) as server:
        server.process.send_signal(signal.SIGTERM)
        server.event("draining")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(2) == 128 + signal.SIGTERM
