import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_directory.errors import ModelDirectoryError
from model_directory.integrity import claimed_manifest, open_version, parse_manifest
from tests.model_directory.version_directory import (
    EMPTY_GRAPH,
    file_record,
    manifest_fields,
    write_manifest,
    write_version,
)

Break = Callable[[Path], object]


def refusal(directory: Path) -> str:
    with pytest.raises(ModelDirectoryError) as caught:
        open_version(directory)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_whole_directory_opens_with_its_bytes(tmp_path: Path) -> None:
    version = open_version(write_version(tmp_path, tokenizer=b'{"a": 1}'))
    assert version.manifest.name == "polarity"
    assert version.model == EMPTY_GRAPH
    assert version.tokenizer == b'{"a": 1}'
    assert version.directory == tmp_path / "polarity" / "1"


def test_a_relative_path_opens_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_version(tmp_path))
    assert open_version(Path()).directory == tmp_path / "polarity" / "1"


def test_a_swap_after_opening_does_not_change_what_was_opened(tmp_path: Path) -> None:
    directory = write_version(tmp_path, tokenizer=b"{}")
    version = open_version(directory)
    (directory / "tokenizer.json").write_bytes(b"[]")
    assert version.tokenizer == b"{}"


def replace_with_link(directory: Path, name: str) -> None:
    outside = directory.parent.parent / "outside"
    shutil.move(directory / name, outside)
    (directory / name).symlink_to(outside)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda d: (d / "manifest.json").unlink(), "there is no manifest.json"),
        (lambda d: (d / "manifest.json").write_text("{"), "manifest.json is not valid"),
        (lambda d: (d / "manifest.json").write_bytes(b"\xff"), "manifest.json is not valid"),
        (lambda d: (d / "manifest.json").write_text("[" * 10**5), "manifest.json is not valid"),
        (
            lambda d: (d / "manifest.json").write_text(" " * (1 << 20) + "{}"),
            "manifest.json is larger than",
        ),
        (lambda d: (d / "README.md").unlink(), "README.md is missing"),
        (lambda d: (d / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda d: (d / "notes.txt").write_text("x"), "'notes.txt' is not listed"),
        (lambda d: (d / ".hidden").write_text("x"), "'.hidden' is not listed"),
        (lambda d: (d / "README.md").write_text("# Polarity\n"), "README.md differs"),
        (lambda d: (d / "README.md").write_text("#"), "README.md has 1 bytes"),
        (lambda d: (d / "README.md").write_text("x" * 99), "README.md has more bytes"),
        (lambda d: (d / "model.onnx").write_bytes(b"x" * 99), "model.onnx has more bytes"),
        (lambda d: (d / "tokenizer.json").write_bytes(b"[]"), "tokenizer.json differs"),
        (lambda d: (d / "sub").mkdir(), "'sub' is not a plain file"),
        (lambda d: os.mkfifo(d / "pipe"), "'pipe' is not a plain file"),
        (lambda d: replace_with_link(d, "model.onnx"), "'model.onnx' is a symbolic link"),
        (lambda d: replace_with_link(d, "README.md"), "'README.md' is a symbolic link"),
        (lambda d: replace_with_link(d, "manifest.json"), "'manifest.json' is a symbolic link"),
        (lambda d: write_manifest(d, name="other"), "is of a model named 'other'"),
        (lambda d: write_manifest(d, version=2), "is of version 2"),
        (lambda d: write_manifest(d, max_tokens=1), "at max_tokens"),
        (
            lambda d: [(d / f"extra{n}").touch() for n in range(70)],
            "more than 64 files",
        ),
    ],
)
def test_a_directory_that_is_not_what_its_manifest_says_is_refused(
    break_it: Break, reason: str, tmp_path: Path
) -> None:
    directory = write_version(tmp_path)
    open_version(directory)
    break_it(directory)
    message = refusal(directory)
    assert message.startswith("polarity/1: ")
    assert reason in message


def test_a_directory_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "there is no such directory" in refusal(tmp_path / "polarity" / "1")


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    assert "there is no such directory" in refusal(tmp_path / "1")


def test_a_directory_whose_name_is_no_version_is_refused(tmp_path: Path) -> None:
    directory = write_version(tmp_path)
    partial = directory.rename(directory.parent / ".1-abc.partial")
    assert "not a version number" in refusal(partial)


@pytest.mark.parametrize("part", ["version", "name"])
def test_a_linked_directory_is_refused(part: str, tmp_path: Path) -> None:
    directory = write_version(tmp_path / "outside")
    models = tmp_path / "models"
    if part == "name":
        models.mkdir()
        (models / "polarity").symlink_to(directory.parent)
    else:
        (models / "polarity").mkdir(parents=True)
        (models / "polarity" / "1").symlink_to(directory)
    assert "is a symbolic link" in refusal(models / "polarity" / "1")


def test_a_record_of_absurd_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    files = [file_record("model.onnx", b""), file_record("tokenizer.json", b"{}")]
    files[0]["bytes"] = 1 << 50
    directory = write_version(tmp_path, files=[*files, file_record("README.md", b"# polarity\n")])
    assert "model.onnx is larger than" in refusal(directory)


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    directory = write_version(tmp_path)
    monkeypatch.setattr(os, "open", denied)
    assert refusal(directory) == "polarity/1: Permission denied"


def test_a_file_that_becomes_a_pipe_after_it_was_listed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_version(tmp_path)
    opened = os.open

    def swap_then_open(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "model.onnx":
            (directory / path).unlink()
            os.mkfifo(directory / path)
        return opened(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap_then_open)
    assert "'model.onnx' is not a plain file" in refusal(directory)


def test_a_refused_version_may_still_say_what_it_claims_to_be(tmp_path: Path) -> None:
    directory = write_version(tmp_path)
    (directory / "model.onnx").unlink()
    claimed = claimed_manifest(directory)
    assert claimed is not None
    assert claimed.name == "polarity"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: (d / "manifest.json").unlink(),
        lambda d: (d / "manifest.json").write_text("{"),
        lambda d: replace_with_link(d, "manifest.json"),
        shutil.rmtree,
        lambda d: write_manifest(d, name="other"),
    ],
)
def test_what_cannot_be_read_or_is_of_another_model_claims_nothing(
    break_it: Break, tmp_path: Path
) -> None:
    directory = write_version(tmp_path)
    break_it(directory)
    assert claimed_manifest(directory) is None


@given(st.integers(min_value=0), st.sampled_from(["model.onnx", "tokenizer.json", "README.md"]))
def test_any_changed_byte_is_found(seed: int, name: str) -> None:
    content = random.Random(seed).randbytes(1 + seed % 300)
    with tempfile.TemporaryDirectory() as models:
        directory = write_version(Path(models), tokenizer=content, card=content)
        path = directory / name
        held = bytearray(path.read_bytes() or b"\0")
        held[seed % len(held)] ^= 1 + seed % 255
        path.write_bytes(held)
        refusal(directory)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each), max_leaves=5)
)
def test_a_manifest_with_any_field_replaced_parses_or_is_refused(value: object) -> None:
    for field in manifest_fields():
        content = json.dumps(manifest_fields(**{field: value})).encode()
        with suppress(ModelDirectoryError):
            parse_manifest(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises(ModelDirectoryError):
        parse_manifest(content)
