"""What the service is started with: settings, port, signals, streams, and who reads its log."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest

from tests.server import ServerProcess


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--port", "99999", "ALBERT_PORT"),
        ("--threads", "0", "ALBERT_THREADS"),
        ("--max-queue-seconds", "-1", "greater than 0"),
        ("--models", "nowhere", "should be a directory"),
        ("--models", "x" * 300, "File name too long"),
        ("--host", "a..b", "no name or address"),
        ("--host", "x" * 64 + ".example", "no name or address"),
        ("--log-format", "xml", "--log-format"),
    ],
)
def test_a_setting_out_of_range_stops_the_start_with_one_line(flag, value, words):
    process = subprocess.run(
        [sys.executable, "-m", "service", flag, value], capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 2
    assert words in process.stderr
    assert value in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("flags", [(), ("--examples",)])
def test_a_port_that_is_taken_ends_the_start_before_anything_is_loaded(tiny_models, flags):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = subprocess.run(
            [
                *(sys.executable, "-m", "service", "--log-format", "json"),
                *("--models", str(tiny_models), "--port", port, *flags),
            ],
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert process.returncode == 1
    assert "address already in use" in process.stderr
    last = json.loads(process.stderr.splitlines()[-1])
    assert (last["event"], last["port"]) == ("the port cannot be listened on", int(port))
    assert "ALBERT_PORT" in last["hint"]
    assert "model loaded" not in process.stderr
    assert '"ready"' not in process.stderr
    assert "Traceback" not in process.stderr


def test_a_fault_that_ends_the_start_ends_the_service(tiny_models):
    broken = (
        "import sys\n"
        "from service import app, start\n"
        "class Panic(BaseException): pass\n"
        "def fail(): raise Panic('at the start')\n"
        "app.share_arena = fail\n"
        "sys.exit(start.start(sys.argv[1:]))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", broken, "--models", str(tiny_models), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert process.returncode == 1
    assert "the start failed" in process.stderr
    assert "at the start" in process.stderr
    assert "cannot be listened on" not in process.stderr


def test_examples_that_nobody_reads_end_nothing(tiny_models):
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service", "--log-format", "json", "--examples"),
                *("--models", str(tiny_models), "--port", "0"),
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    with process, process.stderr:
        assert any("could not be printed" in line for line in process.stderr)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(20) == 0


def test_a_signal_during_the_imports_ends_it_cleanly(tiny_models):
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "service", "--models", str(tiny_models)],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, process.stderr:
        for line in process.stderr:  # importtime names each module when its import is over
            if "structlog" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(20) == 0


def test_onnxruntime_sends_nothing_home(tiny_models, tmp_path):
    with ServerProcess(tiny_models, HOME=str(tmp_path)) as server:
        server.client.post("/v1/sentiment", json={"inputs": "good"})
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_a_log_that_nobody_reads_holds_nobody_up(tiny_models):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "service", "--models", str(tiny_models), "--port", str(port))
    process = subprocess.Popen(command, stderr=writer)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if client.get("/health/ready").status_code == 200:
                    break
            time.sleep(0.05)
        for _ in range(200):
            assert client.post("/v1/models/none", json={"inputs": "a"}).status_code == 404
        assert client.post("/v1/sentiment", json={"inputs": "a"}).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_it_runs_and_ends_well_without_standard_streams(tiny_models, closed):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"exec {sys.executable} -m service --models {tiny_models} --port {port} {closed}"
    process = subprocess.Popen(["/bin/sh", "-c", command])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get("/health/ready").status_code == 200:
                    break
            time.sleep(0.05)
        assert client.post("/v1/sentiment", json={"inputs": "a"}).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_an_unknown_variable_is_pointed_out(tiny_models):
    with ServerProcess(tiny_models, ALBERT_THREAD="3", ALBERT_SERVICE_HOST="10.0.0.1") as server:
        warned = [event["variable"] for event in server.events() if "variable" in event]
        assert warned == ["ALBERT_THREAD"]
