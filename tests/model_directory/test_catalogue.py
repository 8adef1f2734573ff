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
