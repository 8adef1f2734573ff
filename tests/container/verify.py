"""Proves the container with a real engine: ``ENGINE=docker python3 -m tests.container.verify``.

Builds the image and takes it through its life: what is in it, who it runs as, whether it answers,
whether Prometheus reads it, whether it can be given other models and whether it can be stopped
without losing a request. Prints a line for each; exit status 1 at the first that does not hold.
Needs Python alone; not a part of ``make test``, which has no engine.
"""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.container import dashboard
from tests.container.client import (
    ask,
    ask_model,
    metric,
    models,
    query,
    wait_for,
    wait_until_ready,
)
from tests.container.engine import Engine, EngineError
from tests.made_texts import distinct_texts

ROOT = Path(__file__).parents[2]
IMAGE = "albert-serve"
PROMETHEUS = "prom/prometheus:latest"
NAME = "albert-serve-verify"
PROJECT = "albert-serve-verify"

FORBIDDEN_MODULES = (
    "torch", "transformers", "onnx", "export", "training", "pip", "setuptools", "wheel",
)  # fmt: skip
FORBIDDEN_PROGRAMS = ("gcc", "cc", "g++", "make", "ld", "pip", "pip3", "git", "curl")

LOOK_AROUND = """
import importlib.util, json, shutil, sys
modules, programs = json.loads(sys.argv[1])
print(json.dumps([
    *(name for name in modules if importlib.util.find_spec(name)),
    *(name for name in programs if shutil.which(name)),
]))
"""

WHO_AM_I = """
import json, os, tempfile
def writable(directory):
    try:
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
places = ("/", "/tmp", "/var/tmp", "/run", "/models", "/opt/venv")
print(json.dumps({
    "user": os.getuid(), "group": os.getgid(),
    "capabilities": int(status["CapEff"], 16), "no_new_privileges": int(status["NoNewPrivs"]),
    "writable": [place for place in places if writable(place)],
}))
"""

SLOW_REQUESTS = 12
SLOW_SECONDS = 8
LONG_TEXT_WORDS = 180
LIMITS = {"--cpus=1": 1, "--cpus=2": 2, "--cpus=1.5": 2, "--cpus=0.5": 1, "--cpuset-cpus=0": 1}
"""An option of the engine, and the worker threads that it leaves room for."""


def image_builds(engine: Engine) -> str:
    """The image builds."""
    engine.do("build", "--tag", IMAGE, str(ROOT))
    size = int(engine.do("image", "inspect", "--format", "{{.Size}}", IMAGE))
    return f"{size / 1e6:.0f} MB"


def image_holds_the_service_alone(engine: Engine) -> str:
    """No exporter, torch, transformers, onnx, installer or compiler is in it."""
    wanted = json.dumps([FORBIDDEN_MODULES, FORBIDDEN_PROGRAMS])
    found = engine.do("run", "--rm", "--entrypoint=python", IMAGE, "-c", LOOK_AROUND, wanted)
    assert json.loads(found) == [], f"found {found}"
    return f"looked for {', '.join(FORBIDDEN_MODULES + FORBIDDEN_PROGRAMS)}"


def prometheus_takes_its_files(engine: Engine) -> str:
    """Configuration and alert rules are valid, and each alert fires when it should."""
    tests = ROOT / "tests/container"
    mounts = [f"--volume={p}:/clone/{p.relative_to(ROOT)}:ro" for p in (ROOT / "deploy", tests)]
    promtool = ("run", "--rm", *mounts, "--entrypoint=promtool", PROMETHEUS)
    engine.do(*promtool, "check", "config", "/clone/deploy/prometheus/prometheus.yml")
    engine.do(*promtool, "test", "rules", "/clone/tests/container/rules_test.yml")
    return "promtool check config, promtool test rules"


def runs_without_rights(engine: Engine) -> str:
    """It runs as a plain user without capabilities, and can write nowhere."""
    with engine.container(NAME, IMAGE) as url:
        wait_until_ready(url)
        seen = json.loads(engine.do("exec", NAME, "python", "-c", WHO_AM_I))
    assert seen["user"] > 0, seen
    assert seen["group"] > 0, seen
    assert seen["capabilities"] == 0, seen
    assert seen["no_new_privileges"] == 1, seen
    assert seen["writable"] == [], seen
    return f"user {seen['user']}:{seen['group']}"


def threads_follow_the_limits(engine: Engine) -> str:
    """It has as many worker threads as its quota and its set of cores allow."""
    machine = len(os.sched_getaffinity(0))
    seen = {}
    for option, cores in LIMITS.items():
        with engine.container(NAME, IMAGE, option) as url:
            wait_until_ready(url)
            logged = engine.try_("logs", NAME)
            lines = (logged.stdout + logged.stderr).splitlines()
            ready = [event for event in map(_event, lines) if event.get("event") == "ready"]
            assert ready, lines
            seen[option] = ready[0]["threads"]
            assert seen[option] == min(cores, machine), seen
            assert ask(f"{url}/v1/sentiment", {"inputs": "good"})[0] == 200
    return ", ".join(f"{option}: {threads}" for option, threads in seen.items())


def _event(line: str) -> dict[str, Any]:
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return event


def turns_healthy_and_answers(engine: Engine) -> str:
    """Its health check turns healthy, and each default model answers on its port."""
    with engine.container(NAME, IMAGE) as url:
        started = time.monotonic()
        wait_for("a healthy container", lambda: engine.health(NAME) == "healthy")
        seconds = time.monotonic() - started
        listed = models(url)
        assert listed, "there are no models"
        failed = [model["name"] for model in listed if model["status"] != "ready"]
        assert not failed, f"not served: {failed}"
        answers = [ask_model(url, model) for model in listed]
        memory = metric(url, "process_resident_memory_bytes") / 1e6
    return f"healthy after {seconds:.1f} s, {memory:.0f} MB resident; " + ", ".join(answers)


def unhealthy_without_models(engine: Engine) -> str:
    """Its health check fails when there is nothing to serve."""
    with (
        tempfile.TemporaryDirectory() as directory,
        engine.container(NAME, IMAGE, f"--volume={_open(directory)}:/models:ro") as url,
    ):
        wait_for("a started service", lambda: ask(f"{url}/health/startup")[0] == 200)
        status, answer = ask(f"{url}/health/ready")
        assert status == 503, answer
        checked = engine.try_("exec", NAME, "python", "-I", "/opt/bin/healthcheck.py")
        assert checked.returncode == 1, checked
        assert ask(f"{url}/health/live")[0] == 200
    return f"ready 503, {answer['reasons']}"


def models_are_replaced(engine: Engine) -> str:
    """Models mounted over /models are served instead of its own."""
    with tempfile.TemporaryDirectory() as directory:
        source = sorted(ROOT.glob("models/sentiment/*/"))[-1]
        version = Path(shutil.copytree(source, Path(directory, "replaced/7")))
        manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
        manifest |= {"name": "replaced", "version": 7}
        (version / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        with engine.container(NAME, IMAGE, f"--volume={_open(directory)}:/models:ro") as url:
            wait_until_ready(url)
            listed = models(url)
            served = [(model["name"], model["version"]) for model in listed]
            assert served == [("replaced", 7)], served
            answer = ask_model(url, listed[0])
            assert ask(f"{url}/v1/sentiment", {"inputs": "good"})[0] == 200
            assert ask(f"{url}/v1/classification", {"inputs": "good"})[0] == 404
    return answer


def stops_without_losing_a_request(engine: Engine) -> str:
    """Stopped with SIGTERM while requests run, it answers every one and exits with status 0."""
    settings = ("--env=ALBERT_MAX_QUEUE_SECONDS=3600", "--env=ALBERT_REQUEST_TIMEOUT=120")
    with (
        engine.container(NAME, IMAGE, *settings) as url,
        ThreadPoolExecutor(SLOW_REQUESTS + 1) as pool,
    ):
        wait_until_ready(url)
        route, count = f"{url}/v1/sentiment", _slow_inputs(url)
        bodies = [{"inputs": distinct_texts(count, LONG_TEXT_WORDS)} for _ in range(SLOW_REQUESTS)]
        asked = [pool.submit(ask, route, body) for body in bodies]
        # The request for the metrics is one of those in flight.
        wait_for(
            "the slow requests to run",
            lambda: metric(url, "albert_requests_in_flight") == SLOW_REQUESTS + 1,
        )
        stopped = time.monotonic()
        stopping = pool.submit(engine.do, "stop", "--time=60", NAME)
        wait_for("a draining service", lambda: ask(f"{url}/health/ready")[0] == 503, seconds=5)
        refused, _ = ask(route, {"inputs": "too late"})
        running = sum(not future.done() for future in asked)
        answers = [future.result() for future in asked]
        stopping.result()
        seconds = time.monotonic() - stopped
        exit_code = engine.do("inspect", "--format", "{{.State.ExitCode}}", NAME)
    statuses = [status for status, _ in answers]
    assert statuses == [200] * SLOW_REQUESTS, statuses
    assert all(len(answer) == count for _, answer in answers)
    assert running == SLOW_REQUESTS, f"only {running} were still running when it drained"
    assert refused == 503, f"a new request was answered {refused}"
    assert exit_code == "0", f"exit code {exit_code}"
    return (
        f"{running} requests of {count} texts were running, all answered 200; "
        f"a new one 503; exit code {exit_code} after {seconds:.1f} s"
    )


def compose_is_scraped(engine: Engine) -> str:
    """Under docker-compose.yml Prometheus scrapes it, and each panel of the dashboard has data."""
    with _composed(engine) as (url, prometheus):
        wait_until_ready(url)
        _ask_all(url)
        up = 'up{job="albert-serve"} == 1'
        wait_for("Prometheus to scrape the service", lambda: query(prometheus, up))
        _ask_all(url)  # a rate needs a change between two scrapes
        requests = 'rate(albert_requests_total{route=~"/v1/.+", status="200"}[1m]) > 0'
        wait_for("a rate of requests", lambda: query(prometheus, requests))
        panels = dashboard.expressions()
        for title, expressions in panels.items():
            for expression in expressions:
                assert query(prometheus, expression), f"{title!r} has no data: {expression}"
        rules = ask(f"{prometheus}/api/v1/rules")[1]["data"]["groups"][0]["rules"]
        broken = [rule["name"] for rule in rules if rule["health"] == "err"]
        assert not broken, f"rules that cannot be evaluated: {broken}"
        served = len(query(prometheus, "albert_model_info == 1"))
    return (
        f"up is 1, {served} models in albert_model_info, {len(panels)} panels, {len(rules)} rules"
    )


def _ask_all(url: str) -> None:
    """Ask every model something, and upload one line in bulk."""
    for model in models(url):
        ask_model(url, model)
    line = {"inputs": "good"}
    status, answer = ask(f"{url}/v1/bulk/sentiment", line, media_type="application/x-ndjson")
    assert status == 200, f"a bulk upload was answered {status}: {answer}"


CHECKS = (
    image_builds,
    image_holds_the_service_alone,
    prometheus_takes_its_files,
    runs_without_rights,
    threads_follow_the_limits,
    turns_healthy_and_answers,
    unhealthy_without_models,
    models_are_replaced,
    stops_without_losing_a_request,
    compose_is_scraped,
)


def main() -> int:
    """Run every check in order."""
    engine = Engine(os.environ.get("ENGINE", "docker"))
    for check in CHECKS:
        try:
            seen = check(engine)
        except (AssertionError, EngineError, OSError) as error:
            print(f"FAILED  {check.__doc__}\n        {error}", flush=True)
            return 1
        print(f"ok      {check.__doc__}\n        {seen}", flush=True)
    return 0


@contextmanager
def _composed(engine: Engine) -> Iterator[tuple[str, str]]:
    """Everything of docker-compose.yml on free ports: URLs of the service and of Prometheus."""
    ports = {"PORT": str(_free_port()), "PROMETHEUS_PORT": str(_free_port())}
    env = {**ports, "CPUS": str(min(2, os.cpu_count() or 1))}
    files = ("--file", str(ROOT / "docker-compose.yml"), "--project-name", PROJECT)
    try:
        engine.do("compose", *files, "up", "--detach", "--no-build", env=env)
        yield tuple(f"http://127.0.0.1:{port}" for port in ports.values())
    finally:
        engine.do("compose", *files, "down", "--volumes", env=env)


def _slow_inputs(url: str) -> int:
    """How many long texts make one request run for its part of SLOW_SECONDS."""
    probe = 16
    start = time.monotonic()
    body = {"inputs": distinct_texts(probe, LONG_TEXT_WORDS)}
    assert ask(f"{url}/v1/sentiment", body)[0] == 200
    text_seconds = (time.monotonic() - start) / probe
    return min(256, max(1, round(SLOW_SECONDS / SLOW_REQUESTS / text_seconds)))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _open(directory: str) -> str:
    """Let the container's user read a temporary directory."""
    for path in (Path(directory), *Path(directory).rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return directory


if __name__ == "__main__":
    sys.exit(main())
