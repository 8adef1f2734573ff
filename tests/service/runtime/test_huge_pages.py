"""When the program is started anew for huge pages, and that it is the same program then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.runtime.huge_pages import HUGE_PAGES, SETTING, VARIABLE, asks_for_them

ROOT = Path(__file__).parents[3]
RESTARTS = """
import os, sys
from service.runtime.huge_pages import restart_with_huge_pages

print(os.getpid(), sys.argv[1:], os.environ.get("GLIBC_TUNABLES"), flush=True)
restart_with_huge_pages()
print("goes on", flush=True)
"""


@pytest.mark.parametrize(
    ("setting", "asks"),
    [("always [madvise] never", True), ("[always] madvise never", False), ("never", False)],
)
def test_it_asks_where_the_system_gives_them_on_request_alone(tmp_path, setting, asks):
    file = tmp_path / "enabled"
    file.write_text(setting + "\n")
    assert asks_for_them({}, file) is asks
    assert not asks_for_them({VARIABLE: ""}, file)


def test_it_does_not_ask_where_there_is_no_such_setting(tmp_path):
    assert not asks_for_them({}, tmp_path / "enabled")


def restart(**environment):
    own = {key: value for key, value in os.environ.items() if key != VARIABLE}
    command = [sys.executable, "-c", RESTARTS, "--flag", "with space"]
    return subprocess.run(
        command, cwd=ROOT, env=own | environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.skipif(not asks_for_them({}, SETTING), reason="huge pages are not given on request")
def test_the_same_process_starts_anew_once_with_the_same_arguments():
    first, second, end = restart()
    identity, arguments = first.split(" ", 1)
    assert arguments == "['--flag', 'with space'] None"
    assert second == f"{identity} ['--flag', 'with space'] {HUGE_PAGES}"
    assert end == "goes on"


def test_who_has_set_the_variable_is_obeyed():
    lines = restart(**{VARIABLE: "glibc.malloc.check=0"})
    assert lines[1:] == ["goes on"]
