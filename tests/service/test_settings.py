"""Settings come from variables and flags, and are refused with the variable, the value and what is
allowed.
"""

import re
from pathlib import Path

import pytest

import client
from service.settings import SettingsError, read_settings, unknown_variables

CLIENT = Path(client.__file__).parent


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    monkeypatch.setenv("ALBERT_MODELS", str(tmp_path))


def test_defaults_need_nothing(monkeypatch):
    settings = read_settings([])
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.threads is None


def test_a_flag_wins_over_a_variable(monkeypatch):
    monkeypatch.setenv("ALBERT_PORT", "9000")
    assert read_settings([]).port == 9000
    assert read_settings(["--port", "9001"]).port == 9001


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("ALBERT_PORT", "")
    assert read_settings([]).port == 8000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "tcp://10.0.0.1:80"),
        ("THREADS", "0"),
        ("DEVICE", "gpu"),
        ("DEVICE", "cuda:x"),
        ("MAX_BATCH_TOKENS", "0"),
        ("MAX_QUEUE_SECONDS", "nan"),
        ("REQUEST_TIMEOUT", "-3"),
        ("MAX_BODY_BYTES", "12"),
        ("LOG_LEVEL", "loud"),
        ("DRAIN_SECONDS", "inf"),
        ("RATE_LIMIT", "0"),
        ("RATE_LIMIT", "100001"),
        ("RATE_LIMIT", "nan"),
        ("RATE_LIMIT", "10/s"),
        ("MODELS", "/does/not/exist"),
    ],
)
def test_a_refusal_names_the_variable_and_the_value(monkeypatch, variable, value):
    monkeypatch.setenv(f"ALBERT_{variable}", value)
    with pytest.raises(SettingsError) as refusal:
        read_settings([])
    [line] = str(refusal.value).splitlines()
    assert line.startswith(
        f"ALBERT_{variable} (--{variable.lower().replace('_', '-')}) is '{value}'"
    )


def test_every_wrong_setting_is_told_at_once(monkeypatch):
    monkeypatch.setenv("ALBERT_PORT", "-1")
    monkeypatch.setenv("ALBERT_THREADS", "x")
    with pytest.raises(SettingsError) as refusal:
        read_settings([])
    assert len(str(refusal.value).splitlines()) == 2


def test_misspelt_variables_are_found_and_kubernetes_own_are_not(monkeypatch):
    for name in ("ALBERT_PROT", "ALBERT_SERVICE_HOST", "ALBERT_PORT_8000_TCP_ADDR"):
        monkeypatch.setenv(name, "x")
    assert unknown_variables() == ["ALBERT_PROT"]


def test_variables_of_the_client_are_known(monkeypatch):
    sources = "".join(path.read_text(encoding="utf-8") for path in CLIENT.glob("*.py"))
    read_there = set(re.findall(r'"(ALBERT_\w+)"', sources))
    assert read_there == {"ALBERT_API_KEY", "ALBERT_URL"}
    for name in read_there:
        monkeypatch.setenv(name, "x")
    assert unknown_variables() == []
