"""On what the figures were measured: the machine, the versions, the moment."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.repository import ROOT
from service.runtime.cores import available_cores

PACKAGES = ("onnxruntime", "numpy", "tokenizers", "fastapi", "starlette", "uvicorn", "pydantic")


@dataclass(frozen=True, slots=True)
class Machine:
    """``load_before`` is the system's load average over the minute before the first measurement,
    in runnable threads: what others were doing.
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    packages: dict[str, str]
    commit: str
    started: str
    load_before: float


def describe_machine() -> Machine:
    """The machine that this runs on, now."""
    return Machine(
        processor=_processor(),
        cores=available_cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        commit=_commit(),
        started=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_before=os.getloadavg()[0],
    )


def _processor() -> str:
    """Its name, and on x86 family and model: rented machines call several generations alike."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    known = fields.get("model name", platform.machine())
    if "cpu family" in fields:
        known += f" (family {fields['cpu family']}, model {fields['model']})"
    return known


def _commit() -> str:
    """The commit of the clone, with a ``+`` when files differ from it; empty outside of git."""
    command = ["git", "describe", "--always", "--dirty=+"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip()
