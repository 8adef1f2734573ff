"""Reads a checkpoint directory: its config, its weights, and its tokenizer's bytes."""

import os
import re
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from export.config import AlbertConfig, parse_config
from export.confined import TokenizerFiles, confined_tokenizer
from export.errors import ExportRefusedError
from export.safetensors_file import FLOAT_DTYPES, TensorRecord, read_float_tensor, read_header
from export.strict_json import parse_json
from export.weights import Weights, check_names_and_shapes, expected_shapes

CONFIG = "config.json"
SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
SENTENCEPIECE = "spiece.model"
TOKENIZER_CONFIG = "tokenizer_config.json"

MAX_CONFIG_BYTES = 4 << 20
MAX_TOKENIZER_BYTES = 32 << 20
_MAX_FILES = 256
_PICKLES = ("pytorch_model.bin", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that is an ALBERT, whole, and finite.

    ``weight_bytes`` is the size of its safetensors files and ``dtypes`` what they hold;
    ``tokenizer`` the bytes of its tokenizer.json, or of the one that its spiece.model makes.
    """

    config: AlbertConfig
    weights: Weights
    weight_bytes: int
    dtypes: tuple[str, ...]
    tokenizer: bytes


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read and check the Hugging Face checkpoint in ``directory``.

    ExportRefusedError, in one sentence, if it is not one of an exportable ALBERT, is truncated, or
    holds anything that is not a finite number. Nothing is ever unpickled.
    """
    try:
        if not directory.is_dir():
            raise ExportRefusedError(f"{directory} is not a directory with a checkpoint")
        config = parse_config(_read_file(directory, CONFIG, MAX_CONFIG_BYTES))
        expected = expected_shapes(config)
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(_open(directory, name))
                for name in _weight_files(directory)
            }
            located = _locate(files)
            check_names_and_shapes(config, {name: at.shape for name, (at, _) in located.items()})
            needed = {name: located[name] for name in expected}
            for record, _ in needed.values():
                if record.dtype not in FLOAT_DTYPES:
                    raise ExportRefusedError(
                        f"tensor {record.name!r} has dtype {record.dtype}, "
                        f"only {', '.join(FLOAT_DTYPES)} can be exported"
                    )
            tokenizer = read_tokenizer(directory)
            tensors = {name: read_float_tensor(file, at) for name, (at, file) in needed.items()}
            weight_bytes = sum(os.fstat(file.fileno()).st_size for file in files.values())
    except OSError as error:
        raise ExportRefusedError(
            f"cannot read {error.filename or directory}: {error.strerror}"
        ) from error
    dtypes = tuple(sorted({record.dtype for record, _ in needed.values()}))
    return Checkpoint(config, Weights(tensors), weight_bytes, dtypes, tokenizer)


def read_tokenizer(directory: Path) -> bytes:
    """Return the checkpoint's tokenizer.json, or one that is made of its spiece.model.

    ExportRefusedError, in one sentence, if there is none or it is not sound; OSError if the disk
    cannot be read.
    """
    if os.path.lexists(directory / TOKENIZER):
        content = _read_file(directory, TOKENIZER, MAX_TOKENIZER_BYTES)
        return confined_tokenizer(TokenizerFiles(tokenizer=_not_empty(content, TOKENIZER)))
    if not os.path.lexists(directory / SENTENCEPIECE):
        raise ExportRefusedError(f"there is no {TOKENIZER} and no {SENTENCEPIECE} in {directory}")
    content = _read_file(directory, SENTENCEPIECE, MAX_TOKENIZER_BYTES)
    settings = b""
    if os.path.lexists(directory / TOKENIZER_CONFIG):
        settings = _read_file(directory, TOKENIZER_CONFIG, MAX_CONFIG_BYTES)
    return confined_tokenizer(
        TokenizerFiles(sentencepiece=_not_empty(content, SENTENCEPIECE), config=settings)
    )


def _not_empty(content: bytes, name: str) -> bytes:
    if not content:
        raise ExportRefusedError(f"{name} is empty")
    return content


def _weight_files(directory: Path) -> list[str]:
    """Names of the safetensors files: the single one, or the shards that the index names."""
    if (directory / SINGLE_FILE).exists():
        return [SINGLE_FILE]
    if (directory / INDEX).exists():
        return shard_names(_read_file(directory, INDEX, MAX_CONFIG_BYTES))
    names = sorted(path.name for path in directory.glob("*.safetensors"))
    if len(names) == 1:
        return names
    if names:
        raise ExportRefusedError(
            f"{directory} has {len(names)} safetensors files and no {INDEX} that says which to use"
        )
    pickles = sorted(path.name for pattern in _PICKLES for path in directory.glob(pattern))
    if pickles:
        raise ExportRefusedError(
            f"{pickles[0]} is a pickle, which can run code and is never opened: load it with "
            "transformers where you trust it and call save_pretrained, which writes "
            f"{SINGLE_FILE}"
        )
    raise ExportRefusedError(f"there is no {SINGLE_FILE} in {directory}")


def shard_names(index: bytes) -> list[str]:
    """Return the files that ``model.safetensors.index.json`` names; each must lie beside it."""
    try:
        names = sorted(set(parse_json(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportRefusedError(f"{INDEX} is not a valid index of shards") from error
    if not 0 < len(names) <= _MAX_FILES:
        raise ExportRefusedError(f"{INDEX} names {len(names)} files, 1 to {_MAX_FILES} are allowed")
    for name in names:
        if not isinstance(name, str) or not is_weight_file(name):
            raise ExportRefusedError(
                f"{INDEX} names {str(name)[:200]!r}, not a safetensors file beside it"
            )
    return names


def is_weight_file(name: str) -> bool:
    """Whether a file may hold weights, by a name that says no more than that."""
    return re.fullmatch(r"[A-Za-z0-9._-]{1,200}\.safetensors", name) is not None


def _locate(files: dict[str, BufferedIOBase]) -> dict[str, tuple[TensorRecord, BufferedIOBase]]:
    """Find each tensor's place among the open files."""
    located: dict[str, tuple[TensorRecord, BufferedIOBase]] = {}
    for file_name, file in files.items():
        for name, record in read_header(file, file_name).items():
            if name in located:
                raise ExportRefusedError(f"tensor {name[:200]!r} is in two files")
            located[name] = (record, file)
    return located


def _read_file(directory: Path, name: str, limit_bytes: int) -> bytes:
    with _open(directory, name) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ExportRefusedError(f"{name} is larger than {limit_bytes} bytes")
    return content


def _open(directory: Path, name: str) -> BufferedIOBase:
    """Open a plain file of the checkpoint; a pipe or a device neither blocks nor is read.

    A symbolic link is followed within the checkpoint, and from a snapshot of the Hugging Face hub's
    cache to that cache's blobs; one that leads elsewhere is refused.
    """
    home = Path(os.path.realpath(directory))
    target = Path(os.path.realpath(home / name))
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    if not (target.is_relative_to(home) or target.is_relative_to(blobs)):
        raise ExportRefusedError(f"{name} is a symbolic link out of the checkpoint")
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise ExportRefusedError(f"there is no {name} in {directory}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ExportRefusedError(f"{name} is not a plain file")
    return open(descriptor, "rb")
