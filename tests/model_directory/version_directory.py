"""Writes small version directories: right ones, for tests to break."""

import hashlib
import json
from pathlib import Path
from typing import Any

from model_directory.manifest import Manifest

EMPTY_GRAPH = b""  # an empty ModelProto is a well-formed message


def file_record(name: str, content: bytes) -> dict[str, Any]:
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def manifest_fields(**changes: Any) -> dict[str, Any]:
    """The JSON object of a right manifest, with ``changes`` to its top level."""
    fields: dict[str, Any] = {
        "schema": 1,
        "name": "polarity",
        "version": 1,
        "task": "sentiment",
        "labels": ["NEGATIVE", "POSITIVE"],
        "problem_type": "single_label_classification",
        "max_tokens": 64,
        "precision": "fp32",
        "architecture": {
            "vocab_size": 160,
            "embedding_size": 16,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 4,
            "num_hidden_layers": 3,
            "num_hidden_groups": 1,
            "inner_group_num": 1,
            "max_position_embeddings": 64,
            "type_vocab_size": 2,
            "hidden_act": "gelu_new",
            "parameters": 1000,
        },
        "tokenizer": {
            "cls_token_id": 2,
            "sep_token_id": 3,
            "pad_token_id": 0,
            "unk_token_id": 1,
            "vocab_size": 160,
            "lower_case": True,
        },
        "parity": {"max_logit_difference": 1e-6, "limit": 1e-4, "sequences": 4, "batches": 2},
        "evaluation": [],
        "source": "a test",
        "licence": "not stated",
        "created": "2026-01-01T00:00:00Z",
        "exporter_version": "0",
        "files": [file_record("model.onnx", EMPTY_GRAPH), file_record("tokenizer.json", b"{}")],
    }
    return fields | changes


def manifest_of(**changes: Any) -> Manifest:
    return Manifest.model_validate_json(json.dumps(manifest_fields(**changes)))


def write_version(
    models: Path,
    *,
    model: bytes = EMPTY_GRAPH,
    tokenizer: bytes = b"{}",
    card: bytes = b"# polarity\n",
    **changes: Any,
) -> Path:
    """Write ``models/polarity/1`` as a right manifest with ``changes`` describes it."""
    directory = models / "polarity" / "1"
    directory.mkdir(parents=True)
    content = {"model.onnx": model, "tokenizer.json": tokenizer, "README.md": card}
    for name, held in content.items():
        (directory / name).write_bytes(held)
    files = [file_record(name, held) for name, held in content.items()]
    write_manifest(directory, **({"files": files} | changes))
    return directory


def write_manifest(directory: Path, **changes: Any) -> None:
    content = json.dumps(manifest_fields(**changes))
    (directory / "manifest.json").write_text(content, encoding="utf-8")


def change_manifest(directory: Path, **changes: Any) -> None:
    """Change the top level of a manifest that is there."""
    held = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    (directory / "manifest.json").write_text(json.dumps(held | changes), encoding="utf-8")


def replace_file(directory: Path, name: str, content: bytes) -> None:
    """Put another file in, under a manifest that agrees with it."""
    (directory / name).write_bytes(content)
    files = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["files"]
    changed = [file_record(name, content) if each["path"] == name else each for each in files]
    change_manifest(directory, files=changed)


def panicking(directory: Path) -> bytes:
    """The tokenizer of a version, with rules that the tokenizers library panics at."""
    tokenizer = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": ""}
    return json.dumps(tokenizer).encode()
