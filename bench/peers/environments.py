"""Environments of the peers, each made once from its lock file below one directory."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from bench.errors import BenchError
from bench.repository import ROOT

LOCKS = ROOT / "requirements" / "peers"
OWN = "albert-serve"
"""This service with what it is installed with, and nothing of the development environment."""
OWN_LOCK = ROOT / "requirements" / "serve.txt"
STAMP = ".installed"
TORCH = "torch==2.13.0"
UNLOCKED = {"infinity": TORCH}
"""Which build of torch is right depends on the machine, and so do its hashes."""

PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install")


def make_environment(directory: Path, name: str) -> Path:
    """The Python of the environment ``name`` below ``directory``, which is made unless it was made
    from the same lock file before. Raises BenchError with pip's last words.
    """
    lock = OWN_LOCK if name == OWN else LOCKS / f"{name}.txt"
    environment = directory.absolute() / name
    python, stamp = environment / "bin" / "python", environment / STAMP
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest() + UNLOCKED.get(name, "")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    _run(sys.executable, "-m", "venv", str(environment))
    # The lock names every dependency but torch's, which come with torch.
    _run(str(python), *PIP, "--no-deps", "--require-hashes", "-r", str(lock))
    if name in UNLOCKED:
        _run(str(python), *PIP, UNLOCKED[name])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path, distributions: tuple[str, ...]) -> dict[str, str]:
    """Of what is installed for ``python``."""
    code = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    told: dict[str, str] = json.loads(_run(str(python), "-c", code, *distributions))
    return told


def _run(*command: str) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        lines = (finished.stderr or finished.stdout).strip().splitlines() or ["no message"]
        raise BenchError(f"{' '.join(command[:4])} … failed: {lines[-1]}")
    return finished.stdout
