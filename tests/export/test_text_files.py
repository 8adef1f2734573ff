from pathlib import Path

import pytest

from export.errors import ExportRefusedError
from export.text_files import MAX_BYTES, read_bounded, read_lines, read_text


def test_lines_are_those_that_hold_text(tmp_path: Path) -> None:
    path = tmp_path / "sample.txt"
    path.write_text("\ufeffone\n\n  two \r\n \n", encoding="utf-8")
    assert read_lines(path) == ["one", "two"]


def test_a_file_without_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample.txt"
    path.write_text(" \n\n")
    with pytest.raises(ExportRefusedError, match="holds no text"):
        read_lines(path)


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ExportRefusedError, match="is not UTF-8 text"):
        read_text(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ExportRefusedError, match="is not a file"):
            read_bounded(path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample.txt"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ExportRefusedError, match="is larger than"):
        read_bounded(path)


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", denied)
    with pytest.raises(ExportRefusedError, match=r"cannot read .*: Permission denied"):
        read_bounded(tmp_path / "card.md")
