"""Exports damaged checkpoints for a while: each is refused in one sentence, or is right."""

import contextlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from export.check import check_version
from export.errors import ExportRefusedError
from export.exporter import ExportRequest, export_checkpoint
from tests.export.albert_reference import train
from tests.export.conftest import silent

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
_ONE_SECONDS = 30.0  # of this process's CPU time; the confined one has a limit of its own

_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 3, 7, 64, 10**9, 2**63, 10**400, -(2**31), 0.5, 1e300, float("nan"),
    float("inf"), "", "x", "0", "\0", "../../etc/passwd", "a" * 10**5, [], [[]], {}, {"": None},
    ["AlbertForQuestionAnswering"], [0, 1 << 47], [1 << 62, 1], [-1, 4], "F64", "I8", "F8_E5M2",
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of a JSON value's parts; of a long list's, only the first and the last."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = [(place, value[place]) for place in range(len(value)) if place < 9]
    return [path, *(found for key, held in inner for found in _places(held, (*path, key)))]


def _changed(content: bytes, draw: random.Random) -> bytes:
    """Return JSON with one part taken out, doubled, renamed or given another value."""
    root = {"": json.loads(content)}
    path = draw.choice(_places(root[""]))
    holder: Any = root
    key: Any = ""
    for step in path:
        holder, key = holder[key], step
    match draw.randrange(6):
        case 0 if path:
            del holder[key]
        case 1 if isinstance(holder, dict) and path:
            holder[f"{key}x"] = holder[key]
        case 2 if isinstance(holder, list):
            holder *= draw.randrange(1, 50)
        case 3 if isinstance(holder[key], int):
            holder[key] += draw.choice((-1, 1, 2, 4, 1 << 31))
        case _:
            holder[key] = draw.choice(_VALUES)
    changed = root.get("")
    with contextlib.suppress(ValueError):  # an integer of too many digits to write
        return json.dumps(changed).encode()
    return content


def _flipped(content: bytes, draw: random.Random) -> bytes:
    """Return bytes of which some are changed, lost, doubled, or end too early or too late."""
    damaged = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        place = draw.randrange(len(damaged) or 1)
        match draw.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes((draw.randrange(256),))
            case 1:
                del damaged[place : place + draw.randrange(1, 40)]
            case 2:
                damaged[place:place] = damaged[place : place + draw.randrange(1, 40)]
            case 3:
                del damaged[place:]
            case _:
                damaged += draw.randbytes(draw.randrange(1, 9))
    return bytes(damaged)


def change_json(directory: Path, draw: random.Random) -> None:
    path = directory / draw.choice(("config.json", "config.json", "tokenizer.json"))
    content = path.read_bytes()
    for _ in range(draw.choice((1, 1, 2, 5))):
        content = _changed(content, draw)
    path.write_bytes(content)


def change_header(directory: Path, draw: random.Random) -> None:
    path = directory / "model.safetensors"
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = _changed(whole[8 : 8 + size], draw)
    claimed = len(header) + draw.choice((0, 0, 0, 0, 1, -1, 1 << 20, 1 << 62))
    path.write_bytes(claimed.to_bytes(8, "little") + header + whole[8 + size :])


def change_tensors(directory: Path, draw: random.Random) -> None:
    path = directory / "model.safetensors"
    whole = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(draw.randrange(1, 20)):
        whole[draw.randrange(start, len(whole))] = draw.choice((0, 0x7F, 0x80, 0xFF))
    path.write_bytes(bytes(whole))


def change_bytes(directory: Path, draw: random.Random) -> None:
    path = draw.choice(sorted(directory.iterdir()))
    path.write_bytes(_flipped(path.read_bytes(), draw))


@cache
def _vocabulary() -> bytes:
    return train()


def change_vocabulary(directory: Path, draw: random.Random) -> None:
    (directory / "tokenizer.json").unlink()
    (directory / "spiece.model").write_bytes(_flipped(_vocabulary(), draw))


def change_kind(directory: Path, draw: random.Random) -> None:
    """Put something else where a file is, or nothing."""
    path = draw.choice(sorted(directory.iterdir()))
    path.unlink()
    makers: tuple[Callable[[], object], ...] = (
        path.mkdir,
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to(path.name),
        lambda: path.symlink_to("config.json"),
        lambda: None,
    )
    draw.choice(makers)()


CHANGES = (change_json, change_header, change_header, change_tensors, change_bytes, change_kind)


def test_a_damaged_checkpoint_is_refused_or_exported_right(
    checkpoint: Path, tmp_path: Path
) -> None:
    draw, ended, models = random.Random(SEED), time.monotonic() + SECONDS, tmp_path / "models"
    sentences, exported = list[str](), 0
    while len(sentences) + exported < 25 or time.monotonic() < ended:
        damaged = tmp_path / "damaged"
        shutil.copytree(checkpoint, damaged)
        change = change_vocabulary if draw.randrange(20) == 0 else draw.choice(CHANGES)
        change(damaged, draw)
        started = time.process_time()
        try:
            report = export_checkpoint(ExportRequest(damaged, "model", models), silent)
        except ExportRefusedError as error:
            sentences.append(str(error))
            assert not models.exists()
        else:
            check_version(report.directory)
            shutil.rmtree(models)
            exported += 1
        assert time.process_time() - started < _ONE_SECONDS, change
        shutil.rmtree(damaged)
    assert sentences
    assert all("\n" not in sentence and len(sentence) < 1_000 for sentence in sentences)
    assert exported > 0
