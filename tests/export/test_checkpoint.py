import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import export.checkpoint
from bench.checkpoints import TINY, random_tensors, write_checkpoint, write_tensors
from export.checkpoint import read_checkpoint
from export.errors import ExportRefusedError
from export.safetensors_file import read_float_tensor


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "checkpoint")


def refusal(directory: Path) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        read_checkpoint(directory)
    message = str(caught.value)
    assert "\n" not in message
    return message


def write_shards(directory: Path) -> dict[str, str]:
    tensors = random_tensors(TINY, 2)
    names = sorted(tensors)
    halves = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for file_name, held in halves.items():
        save_file({name: tensors[name] for name in held}, str(directory / file_name))
    (directory / "model.safetensors").unlink()
    return {name: file_name for file_name, held in halves.items() for name in held}


def write_index(directory: Path, weight_map: object) -> None:
    index = directory / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def test_a_checkpoint_is_read_whole(checkpoint: Path) -> None:
    read = read_checkpoint(checkpoint)
    for name, tensor in random_tensors(TINY, 2).items():
        np.testing.assert_array_equal(read.weights[name], tensor)
    assert read.weight_bytes == (checkpoint / "model.safetensors").stat().st_size
    assert read.dtypes == ("F32",)
    assert read.tokenizer == (checkpoint / "tokenizer.json").read_bytes()


def test_half_precision_widens(tmp_path: Path) -> None:
    read = read_checkpoint(write_checkpoint(tmp_path, dtype=np.float16))
    assert read.dtypes == ("F16",)
    assert read.weights["classifier.bias"].dtype == np.float32


def test_shards_are_read_by_their_index(checkpoint: Path) -> None:
    write_index(checkpoint, write_shards(checkpoint))
    assert read_checkpoint(checkpoint).weights.parameters == sum(
        tensor.size for tensor in random_tensors(TINY, 2).values()
    )


def test_a_single_file_of_any_name_will_do(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "albert.safetensors")
    assert read_checkpoint(checkpoint).weights.parameters > 0


def test_links_within_a_hub_cache_are_followed(checkpoint: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "models--x" / "snapshots" / "0123"
    blobs = tmp_path / "models--x" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in checkpoint.iterdir():
        blob = path.rename(blobs / f"hash-of-{path.name}")
        (snapshot / path.name).symlink_to(Path("../../blobs") / blob.name)
    assert read_checkpoint(snapshot).weights.parameters > 0


def replace(directory: Path, name: str, content: bytes) -> None:
    (directory / name).write_bytes(content)


def link_out(directory: Path, name: str) -> None:
    outside = (directory / name).rename(directory.parent / f"outside-{name}")
    (directory / name).symlink_to(outside)


def without(directory: Path, name: str) -> None:
    tensors = random_tensors(TINY, 2)
    del tensors[name]
    write_tensors(directory, tensors)


def with_nan(directory: Path) -> None:
    tensors = random_tensors(TINY, 2)
    tensors["classifier.weight"][1, 7] = np.nan
    write_tensors(directory, tensors)


def with_integers(directory: Path) -> None:
    tensors = random_tensors(TINY, 2)
    write_tensors(directory, tensors | {"classifier.bias": np.zeros(2, np.int8)})


def pickled(directory: Path) -> None:
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def two_files(directory: Path) -> None:
    write_shards(directory)


def same_tensor_in_two_shards(directory: Path) -> None:
    weight_map = write_shards(directory)
    save_file({"classifier.bias": np.zeros(2, np.float32)}, str(directory / "three.safetensors"))
    write_index(directory, weight_map | {"again": "three.safetensors"})


def only_sentencepiece(directory: Path) -> None:
    (directory / "tokenizer.json").rename(directory / "spiece.model")


def as_directory(directory: Path, name: str) -> None:
    (directory / name).unlink()
    (directory / name).mkdir()


def link_to_nothing(directory: Path, name: str) -> None:
    (directory / name).unlink()
    (directory / name).symlink_to("nothing")


def loop_of_links(directory: Path) -> None:
    (directory / "config.json").unlink()
    (directory / "config.json").symlink_to("config.json")


def link_to(directory: Path, target: str) -> None:
    (directory / "config.json").unlink()
    (directory / "config.json").symlink_to(target)


def socket_for_config(directory: Path) -> None:
    (directory / "config.json").unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(directory / "config.json"))


def pipe_for_weights(directory: Path) -> None:
    (directory / "model.safetensors").unlink()
    os.mkfifo(directory / "model.safetensors")


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda d: (d / "config.json").unlink(), "there is no config.json"),
        (lambda d: replace(d, "config.json", b"{"), "config.json"),
        (lambda d: replace(d, "config.json", b" " * (5 << 20)), "config.json is larger than"),
        (lambda d: replace(d, "tokenizer.json", b" " * (33 << 20)), "tokenizer.json is larger"),
        (
            lambda d: (d / "tokenizer.json").unlink(),
            "there is no tokenizer.json and no spiece.model",
        ),
        (lambda d: replace(d, "tokenizer.json", b""), "tokenizer.json is empty"),
        (lambda d: as_directory(d, "tokenizer.json"), "tokenizer.json is not a plain file"),
        (lambda d: as_directory(d, "config.json"), "config.json is not a plain file"),
        (lambda d: link_to_nothing(d, "tokenizer.json"), "there is no tokenizer.json"),
        (only_sentencepiece, "spiece.model is not a SentencePiece model"),
        (lambda d: (d / "model.safetensors").unlink(), "there is no model.safetensors"),
        (lambda d: replace(d, "model.safetensors", b"PK\3\4 not safetensors"), "not a safetensors"),
        (pickled, "pytorch_model.bin is a pickle"),
        (two_files, "2 safetensors files and no model.safetensors.index.json"),
        (same_tensor_in_two_shards, "'classifier.bias' is in two files"),
        (lambda d: without(d, "albert.pooler.bias"), "'albert.pooler.bias' is missing"),
        (with_nan, "'classifier.weight' holds NaN"),
        (with_integers, "'classifier.bias' has dtype I8"),
        (lambda d: link_out(d, "model.safetensors"), "model.safetensors is a symbolic link out"),
        (lambda d: link_out(d, "tokenizer.json"), "tokenizer.json is a symbolic link out"),
        (loop_of_links, "cannot read"),
        (lambda d: os.truncate(d / "model.safetensors", 1 << 40), "bytes that belong to no tensor"),
        (lambda d: os.truncate(d / "config.json", 1 << 40), "config.json is larger than"),
        (lambda d: link_to(d, "/etc/passwd"), "config.json is a symbolic link out"),
        (lambda d: link_to(d, "/dev/zero"), "config.json is a symbolic link out"),
        (lambda d: link_to(d, "/proc/self/fd/0"), "config.json is a symbolic link out"),
        (socket_for_config, "cannot read"),
        (pipe_for_weights, "model.safetensors is not a plain file"),
    ],
)
def test_a_broken_checkpoint_is_refused(
    break_it: Callable[[Path], object], reason: str, checkpoint: Path
) -> None:
    break_it(checkpoint)
    assert reason in refusal(checkpoint)


@pytest.mark.parametrize(
    ("weight_map", "reason"),
    [
        (None, "not a valid index"),
        ([], "not a valid index"),
        ({"a": ["x"]}, "not a valid index"),
        ({}, "names 0 files"),
        ({"a": 7}, "names '7'"),
        ({"a": "../one.safetensors"}, "not a safetensors file beside it"),
        ({"a": "/etc/passwd"}, "not a safetensors file beside it"),
        ({"a": ".."}, "not a safetensors file beside it"),
        ({"a": "config.json"}, "not a safetensors file beside it"),
        ({"a": "\ud800.safetensors"}, "not a safetensors file beside it"),
        ({"a": "a\n.safetensors"}, "not a safetensors file beside it"),
        ({"a": "x" * 10**6}, "not a safetensors file beside it"),
        ({"a": "none.safetensors"}, "there is no none.safetensors"),
        ({str(n): f"{n}.safetensors" for n in range(300)}, "names 300 files"),
    ],
)
def test_a_broken_index_is_refused(weight_map: object, reason: str, checkpoint: Path) -> None:
    write_shards(checkpoint)
    write_index(checkpoint, weight_map)
    assert reason in refusal(checkpoint)


def test_an_index_that_is_no_json_is_refused(checkpoint: Path) -> None:
    write_shards(checkpoint)
    replace(checkpoint, "model.safetensors.index.json", b"[" * 10**5)
    assert "not a valid index" in refusal(checkpoint)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    assert "is not a directory with a checkpoint" in refusal(tmp_path / "none")
    assert "File name too long" in refusal(tmp_path / ("x" * 300))


def test_a_file_that_becomes_a_link_after_it_was_looked_at_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_out(checkpoint, "config.json")
    monkeypatch.setattr(os.path, "realpath", str)  # what the link showed before the swap
    assert "cannot read" in refusal(checkpoint)


def test_a_file_that_grows_while_it_is_read_is_as_large_as_it_was(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_checkpoint(checkpoint)

    def grow(*arguments: Any) -> Any:
        with open(checkpoint / "model.safetensors", "ab") as file:
            file.write(b"more")
        return read_float_tensor(*arguments)

    monkeypatch.setattr(export.checkpoint, "read_float_tensor", grow)
    for name, tensor in read_checkpoint(checkpoint).weights.tensors.items():
        np.testing.assert_array_equal(tensor, expected.weights[name])


def test_a_file_that_shrinks_while_it_is_read_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrink(*arguments: Any) -> Any:
        os.truncate(checkpoint / "model.safetensors", 100)
        return read_float_tensor(*arguments)

    monkeypatch.setattr(export.checkpoint, "read_float_tensor", shrink)
    assert "is cut off" in refusal(checkpoint)


def test_truncated_weights_are_refused_wherever_they_end(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    whole = path.read_bytes()
    for end in range(0, len(whole), 1009):
        path.write_bytes(whole[:end])
        assert "model.safetensors" in refusal(checkpoint)
