import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.peers import environments
from bench.peers.environments import OWN, make_environment, versions


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "locks"
    directory.mkdir()
    monkeypatch.setattr(environments, "LOCKS", directory)
    return directory


def test_an_environment_is_made_once_for_each_lock_file(locks, tmp_path):
    (locks / "peer.txt").write_text("# nothing\n", encoding="utf-8")
    python = make_environment(tmp_path / "made", "peer")
    assert python.is_file()
    assert versions(python, ("pip",))["pip"]
    stamp = tmp_path / "made" / "peer" / environments.STAMP
    written = stamp.stat().st_mtime_ns
    assert make_environment(tmp_path / "made", "peer") == python
    assert stamp.stat().st_mtime_ns == written
    (locks / "peer.txt").write_text("# something else\n", encoding="utf-8")
    make_environment(tmp_path / "made", "peer")
    assert stamp.stat().st_mtime_ns > written


def test_this_service_gets_an_environment_of_its_own(tmp_path, monkeypatch):
    lock = tmp_path / "serve.txt"
    lock.write_text("# nothing\n", encoding="utf-8")
    monkeypatch.setattr(environments, "OWN_LOCK", lock)
    python = make_environment(tmp_path / "made", OWN)
    with pytest.raises(BenchError, match="pytest"):
        versions(python, ("pytest",))


def test_what_cannot_be_installed_is_told_and_tried_again_the_next_time(locks, tmp_path):
    (locks / "peer.txt").write_text("no requirement at all\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(BenchError, match="failed: "):
            make_environment(tmp_path, "peer")


def test_versions_are_those_of_the_environment():
    assert versions(Path(sys.executable), ("onnxruntime",)) == {
        "onnxruntime": version("onnxruntime")
    }
    with pytest.raises(BenchError, match="no-such-distribution"):
        versions(Path(sys.executable), ("no-such-distribution",))
