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


def defaults_in_help(capsys):
    """The settings of each default that the help names."""
    with pytest.raises(SystemExit) as left:
        read_settings(["--help"])
    assert left.value.code == 0
    names = {}
    for option in re.split(r"^  --", capsys.readouterr().out, flags=re.MULTILINE)[1:]:
        default = re.search(r"\(default: ([^)]*)\)", " ".join(option.split()))[1]
        names.setdefault(default, []).append(re.match(r"[a-z-]+", option)[0].replace("-", "_"))
    return names


def test_none_is_the_default_of_what_is_not_there_unless_it_is_set(capsys):
    assert defaults_in_help(capsys)["none"] == ["api_keys_file", "rate_limit"]


@pytest.mark.parametrize("word", ["none", "automatic"])
def test_the_word_that_the_help_has_for_a_default_sets_it(monkeypatch, capsys, word):
    names = defaults_in_help(capsys)[word]
    assert names
    for name in names:
        flag = read_settings(["--" + name.replace("_", "-"), word])
        monkeypatch.setenv(f"ALBERT_{name.upper()}", word)
        assert getattr(flag, name) is getattr(read_settings([]), name) is None


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
        ("MAX_WINDOWS", "0"),
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
