import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_directory.catalogue import CatalogueEntry, list_models, list_versions
from model_directory.errors import ModelDirectoryError


def make(models: Path, *versions: str) -> None:
    for version in versions:
        (models / version).mkdir(parents=True)


def test_the_highest_version_of_each_name_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "b/9", "b/10", "b/2", "a/1")
    assert list_models(tmp_path) == (
        CatalogueEntry("a", 1, tmp_path / "a" / "1"),
        CatalogueEntry("b", 10, tmp_path / "b" / "10"),
    )


def test_what_an_interrupted_export_left_is_not_listed(tmp_path: Path) -> None:
    make(tmp_path, "a/1", "a/.2-0123.partial", ".b/1")
    assert [(entry.name, entry.version) for entry in list_models(tmp_path)] == [("a", 1)]


@pytest.mark.parametrize("version", ["0", "01", "-1", "1.0", "v1", "latest", "1" * 10, "١"])
def test_what_is_not_a_version_number_is_passed_over(version: str, tmp_path: Path) -> None:
    make(tmp_path, f"a/{version}")
    assert list_models(tmp_path) == ()


def test_files_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a/1")
    (tmp_path / "README.md").touch()
    (tmp_path / "a" / "2").touch()
    assert list_versions(tmp_path, "a") == [1]
    assert [entry.name for entry in list_models(tmp_path)] == ["a"]


def test_a_name_that_is_not_there_has_no_versions(tmp_path: Path) -> None:
    assert list_versions(tmp_path, "a") == []


def test_a_missing_models_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="cannot read the models directory"):
        list_models(tmp_path / "none")


UNREACHABLE = "x" * 300
"""A link to it cannot be looked at: no component of a path may have more than 255 bytes."""


def deny(monkeypatch: pytest.MonkeyPatch, denied: Path) -> None:
    """Have the system refuse to list one directory, also to root."""
    listed = Path.iterdir

    def list_unless_denied(directory: Path) -> Iterator[Path]:
        if directory == denied:
            raise PermissionError(13, "Permission denied")
        return listed(directory)

    monkeypatch.setattr(Path, "iterdir", list_unless_denied)


def test_an_entry_that_cannot_be_looked_at_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/1", "found/1", "z/1")
    (tmp_path / "linked").symlink_to(UNREACHABLE)
    deny(monkeypatch, tmp_path / "found")
    told: dict[str, str] = {}
    assert [entry.name for entry in list_models(tmp_path, told.__setitem__)] == ["a", "z"]
    assert [entry.name for entry in list_models(tmp_path)] == ["a", "z"]
    assert told == {"found": "Permission denied", "linked": "File name too long"}


@pytest.mark.parametrize("name", ["A B", "lost+found", "a" * 65, os.fsdecode(b"b\xffad"), "ä"])
def test_a_directory_whose_name_cannot_be_a_models_is_passed_over(
    name: str, tmp_path: Path
) -> None:
    make(tmp_path, "a/1", f"{name}/1")
    (tmp_path / "README.md").touch()
    told: dict[str, str] = {}
    assert [entry.name for entry in list_models(tmp_path, told.__setitem__)] == ["a"]
    assert told == {name: "the name cannot be a model's"}


def test_a_version_that_cannot_be_looked_at_is_not_replaced_by_an_older_one(tmp_path: Path) -> None:
    make(tmp_path, "a/1")
    (tmp_path / "a" / "2").symlink_to(UNREACHABLE)
    assert [(entry.name, entry.version) for entry in list_models(tmp_path)] == [("a", 2)]


def test_a_models_directory_that_cannot_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, tmp_path)
    with pytest.raises(ModelDirectoryError, match="Permission denied"):
        list_models(tmp_path)
