import pytest
from rich.console import Console

from bench.errors import BenchError
from bench.open_loop_server import Choice, serving
from bench.progress import Progress
from bench.service_process import ServiceProcess
from bench.subject import NAME
from tests.bench.steadiness import tiny_models


@pytest.fixture
def progress():
    return Progress(Console(quiet=True))


def test_a_service_that_runs_already_is_measured_over_http_and_left_running(tmp_path, progress):
    with ServiceProcess(tiny_models(tmp_path)) as service:
        url = f"http://127.0.0.1:{service.port}"
        with serving(Choice(url=url, path=f"/v1/models/{NAME}"), progress) as server:
            assert (server.host, server.port) == ("127.0.0.1", service.port)
            assert not server.started
            assert server.resident_bytes() > 10 * 1024 * 1024
            assert server.cpu_seconds() > 0
            server.wait_until_idle()
        assert service.metric("albert_queue_sequences") == 0


def test_a_url_without_a_path_asks_for_sentiment(progress):
    with serving(Choice(url="http://127.0.0.1:8000"), progress) as server:
        assert server.path == "/v1/sentiment"


@pytest.mark.parametrize("url", ["https://127.0.0.1", "http://"])
def test_a_url_that_cannot_be_asked_is_refused(url, progress):
    with pytest.raises(BenchError, match="should be like"), serving(Choice(url=url), progress):
        pass


def test_a_service_that_is_not_there_is_said(progress):
    choice = Choice(url="http://127.0.0.1:1")
    with serving(choice, progress) as server, pytest.raises(BenchError, match="refused"):
        server.resident_bytes()
