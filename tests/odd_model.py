"""A model whose runs fail."""

import hashlib
import json
import shutil
from pathlib import Path

UNKNOWN = "zyzzyva"
"""A word that the tokenizer of ``odd`` knows and its embedding does not: its runs fail."""


def make_odd(source: Path, target: Path) -> None:
    """A copy of a model whose tokenizer has a token more than its embedding."""
    shutil.copytree(source, target)
    version = target / "1"
    tokenizer = json.loads((version / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"].append([f"▁{UNKNOWN}", 0.0])
    content = json.dumps(tokenizer).encode()
    (version / "tokenizer.json").write_bytes(content)
    manifest = json.loads((version / "manifest.json").read_text())
    manifest["name"] = "odd"
    for record in manifest["files"]:
        if record["path"] == "tokenizer.json":
            record |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (version / "manifest.json").write_text(json.dumps(manifest))
