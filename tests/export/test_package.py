import errno
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from export.errors import ExportRefusedError
from export.package import Package, choose_version, new_package
from model_directory.catalogue import list_models

REPOSITORY = Path(__file__).parents[2]


def everything_under(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*"))


def test_a_version_appears_when_the_block_ends(tmp_path: Path) -> None:
    models = tmp_path / "a" / "models"
    with new_package(models, "polarity", 3) as package:
        record = package.write("model.onnx", b"graph")
        assert list_models(models) == ()
    final = models / "polarity" / "3"
    assert everything_under(models) == [models / "polarity", final, final / "model.onnx"]
    assert record.bytes == 5
    assert record.sha256 == hashlib.sha256(b"graph").hexdigest()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_the_block_fails(error: type[BaseException], tmp_path: Path) -> None:
    with (  # noqa: PT012
        pytest.raises(error),
        new_package(tmp_path / "new" / "models", "polarity", 1) as package,
    ):
        package.write("model.onnx", b"graph")
        raise error
    assert everything_under(tmp_path) == []


def test_a_version_that_no_catalogue_would_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v" / "999999999").mkdir(parents=True)
    assert list_models(tmp_path)[0].version == 999_999_999
    with pytest.raises(ExportRefusedError, match="1000000000 would not be served"):
        choose_version(tmp_path, "v", None)


def test_parents_that_were_there_before_stay(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(ValueError, match="x"), new_package(tmp_path / "models", "polarity", 1):
        raise ValueError("x")
    assert everything_under(tmp_path) == [tmp_path / "models"]


def test_parents_that_another_export_uses_stay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), new_package(tmp_path, "polarity", 1):  # noqa: PT012
        (tmp_path / "polarity" / "2").mkdir()
        raise ValueError("x")
    assert everything_under(tmp_path) == [tmp_path / "polarity", tmp_path / "polarity" / "2"]


def test_of_two_exports_of_one_version_the_first_wins(tmp_path: Path) -> None:
    with pytest.raises(ExportRefusedError, match="1 exists already"):  # noqa: PT012, SIM117
        with new_package(tmp_path, "polarity", 1) as slow:
            slow.write("model.onnx", b"slow")
            with new_package(tmp_path, "polarity", 1) as fast:
                fast.write("model.onnx", b"fast")
    assert (tmp_path / "polarity" / "1" / "model.onnx").read_bytes() == b"fast"
    assert len(everything_under(tmp_path)) == 3


def test_a_version_that_appears_just_before_the_rename_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def lose_the_race(partial: Path, final: Path) -> Path:
        final.mkdir()
        (final / "model.onnx").write_bytes(b"other")
        return rename(partial, final)

    monkeypatch.setattr(Path, "rename", lose_the_race)
    with (
        pytest.raises(ExportRefusedError, match="1 exists already"),
        new_package(tmp_path, "polarity", 1) as package,
    ):
        package.write("model.onnx", b"graph")
    assert (tmp_path / "polarity" / "1" / "model.onnx").read_bytes() == b"other"
    assert len(everything_under(tmp_path)) == 3


def test_many_exports_of_one_version_at_once_leave_one(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    won: list[bytes] = []

    def export(content: bytes) -> None:
        start.wait()
        try:
            with new_package(tmp_path, "polarity", 1) as package:
                package.write("model.onnx", content)
        except ExportRefusedError:
            return
        won.append(content)

    threads = [threading.Thread(target=export, args=(bytes([n]),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (tmp_path / "polarity" / "1" / "model.onnx").read_bytes() == won[0]
    assert len(everything_under(tmp_path)) == 3


def test_a_full_disk_is_a_refusal_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(ExportRefusedError, match=r"cannot write to .*: No space left on device"),
        new_package(tmp_path / "models", "polarity", 1) as package,
    ):
        package.write("model.onnx", b"graph")
    assert everything_under(tmp_path) == []


def test_a_disk_that_is_full_in_the_midst_of_a_file_is_a_refusal(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from export.errors import ExportRefusedError
from export.package import new_package
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    with new_package(Path(sys.argv[1]), "polarity", 1) as package:
        package.write("small", b"x" * 99)
        package.write("model.onnx", b"x" * 101)
except ExportRefusedError as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "models")],
        cwd=REPOSITORY,
        # The limit would fall on the file of a coverage run as well.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"cannot write to {tmp_path / 'models' / 'polarity'}: File too large\n"
    assert everything_under(tmp_path) == []


@pytest.mark.parametrize("target", ["nowhere", "models", "/proc/version", "/dev/null"])
def test_an_output_that_leads_nowhere_is_a_refusal(target: str, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(target)
    with (
        pytest.raises(ExportRefusedError, match="cannot write to"),
        new_package(tmp_path / "models", "polarity", 1),
    ):
        pass
    assert everything_under(tmp_path) == [tmp_path / "models"]


def test_another_error_of_the_rename_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "rename", fail)
    with (
        pytest.raises(ExportRefusedError, match="Input/output error"),
        new_package(tmp_path, "polarity", 1),
    ):
        pass
    assert everything_under(tmp_path) == []


def test_an_output_that_is_a_file_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with (
        pytest.raises(ExportRefusedError, match="cannot write to"),
        new_package(tmp_path / "models", "polarity", 1),
    ):
        pass


def test_a_file_is_written_once(tmp_path: Path) -> None:
    package = Package(tmp_path)
    package.write("model.onnx", b"")
    with pytest.raises(FileExistsError):
        package.write("model.onnx", b"")


def test_the_version_is_one_more_than_the_highest(tmp_path: Path) -> None:
    assert choose_version(tmp_path / "none", "polarity", None) == 1
    for version in ("2", "10", ".11-0.partial", "notes"):
        (tmp_path / "polarity" / version).mkdir(parents=True)
    assert choose_version(tmp_path, "polarity", None) == 11
    assert choose_version(tmp_path, "polarity", 3) == 3


def test_a_version_that_exists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "polarity" / "2").mkdir(parents=True)
    (tmp_path / "polarity" / "3").symlink_to("nowhere")
    for version in (2, 3):
        with pytest.raises(ExportRefusedError, match="never overwritten"):
            choose_version(tmp_path, "polarity", version)


def test_a_models_directory_that_cannot_be_read_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "polarity").mkdir()
    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(ExportRefusedError, match=r"cannot read .*: Permission denied"):
        choose_version(tmp_path, "polarity", None)
