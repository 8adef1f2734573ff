"""What of a models directory is served, and what is not and why."""

import os
import shutil
from pathlib import Path

import pytest
import structlog

from bench.checkpoints import write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.manifest import Task
from service.registry import Registry
from tests.model_directory.version_directory import (
    change_manifest,
    panicking,
    replace_file,
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``polarity`` and ``qa``, of 64 tokens at most."""
    home = tmp_path_factory.mktemp("exported")
    for name, labels in (("polarity", ("negative", "positive")), ("qa", None)):
        checkpoint = write_checkpoint(home / "checkpoints" / name, labels=labels)
        export_checkpoint(ExportRequest(checkpoint, name, home / "models"), lambda *_: None)
    return home / "models"


@pytest.fixture
def models(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "models"))


def loaded(models: Path) -> Registry:
    registry = Registry({})
    registry.load(models)
    return registry


def names(registry: Registry) -> list[str]:
    return [model.name for model in registry.loaded]


def test_an_entry_that_cannot_be_looked_at_takes_nothing_away(models: Path) -> None:
    (models / "linked").symlink_to("x" * 300)
    (models / "polarity" / "2").symlink_to("x" * 300)
    registry = loaded(models)
    assert names(registry) == ["qa"]
    [failed] = registry.failed
    assert (failed.name, failed.version) == ("polarity", 2)
    assert "is a symbolic link" in failed.reason


def test_a_tokenizer_that_panics_takes_nothing_away(models: Path) -> None:
    directory = models / "polarity" / "1"
    replace_file(directory, "tokenizer.json", panicking(directory))
    registry = loaded(models)
    assert names(registry) == ["qa"]
    assert [failed.name for failed in registry.failed] == ["polarity"]


def test_loading_stops_between_two_models(models: Path) -> None:
    registry = Registry({})
    registry.load(models, lambda: bool(registry.loaded))
    assert names(registry) == ["polarity"]


@pytest.mark.parametrize("name", ["A B", "a-copy"])
def test_a_copy_under_another_name_takes_no_route_from_the_model(models: Path, name: str) -> None:
    change_manifest(models / "polarity" / "1", default=True)
    shutil.copytree(models / "polarity", models / name)
    registry = loaded(models)
    assert registry.default(Task.SENTIMENT).name == "polarity"
    assert registry.missing() == []
    assert [failed.name for failed in registry.failed] == ([name] if name == "a-copy" else [])


def test_a_copy_under_another_version_leaves_the_route_to_the_model(models: Path) -> None:
    shutil.copytree(models / "polarity" / "1", models / "polarity" / "2")
    assert loaded(models).missing() == ["The model 'polarity' failed to load."]


def test_a_name_that_is_not_utf_8_is_passed_over_and_logged(models: Path) -> None:
    (models / os.fsdecode(b"b\xffad") / "1").mkdir(parents=True)
    with structlog.testing.capture_logs() as logged:
        registry = loaded(models)
    assert names(registry) == ["polarity", "qa"]
    assert registry.failed == []
    [passed_over] = [each for each in logged if "passed over" in each["event"]]
    assert passed_over["name"] == r"'b\udcffad'"
    passed_over["name"].encode()
