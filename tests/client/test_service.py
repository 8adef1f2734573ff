"""A service that keeps no deadline is not waited for."""

import asyncio
import socket

import pytest

from client import service
from client.errors import AskError


def test_a_service_that_says_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(service, "LATE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/sentiment"
        with pytest.raises(AskError, match=r"said nothing in 0\.2 s"):
            asyncio.run(service.ask(url, {}, {}, timeout_seconds=0.1))
