"""Tracing without its extra is refused in one sentence."""

import sys

import pytest

from service.telemetry.tracing import TracingUnavailableError, trace


def test_tracing_without_the_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracingUnavailableError, match=r"pip install 'albert-serve\[trace\]'"):
        trace(lambda *_: None)
