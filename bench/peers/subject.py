"""What is served: one random checkpoint of ALBERT-base's shape, exported in fp32 and in int8."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from tokenizers import Tokenizer

from bench.checkpoints import SENTENCES, Shape, write_checkpoint
from bench.errors import BenchError
from bench.lengths import MIXED, MIXES
from bench.peers.measure import Load, Texts
from bench.repository import ROOT
from bench.subject import NAME
from bench.texts import write_texts
from model_directory.integrity import open_version

WARM_UP_SEED = 1


def export_precisions(shape: Shape, precisions: Sequence[str], directory: Path) -> dict[str, Path]:
    """A directory of models for each of ``precisions``, each with the one model ``NAME``."""
    checkpoint = write_checkpoint(directory / "checkpoint", shape=shape)
    found = {}
    for precision in precisions:
        found[precision] = directory / precision
        command = [sys.executable, "-m", "export", str(checkpoint), "--name", NAME]
        command += ["--precision", precision, "--output", str(found[precision])]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise BenchError(f"the {precision} export failed:\n{finished.stderr.strip()}")
    return found


def version_directory(models: Path) -> Path:
    """Where the files of the one model in ``models`` lie."""
    return models / NAME / "1"


def labels_of(models: Path) -> list[str]:
    """Of the one model in ``models``."""
    return list(open_version(version_directory(models)).manifest.labels or ())


def tokenizer_of(models: Path) -> Tokenizer:
    """Of the one model in ``models``."""
    return Tokenizer.from_buffer(open_version(version_directory(models)).tokenizer)


def write_texts_of(
    models: Path, loads: Iterable[Load], precisions: Sequence[str], warm_up: int
) -> Texts:
    """The texts of all ``loads`` for servers of all ``precisions``, and ``warm_up`` others of all
    lengths.
    """
    tokenizer = tokenizer_of(models)
    asked = product(loads, precisions)
    sizes = {(load.mix, load.texts_with(precision)) for load, precision in asked}
    measured = {
        (mix, count): write_texts(tokenizer, SENTENCES, MIXES[mix].sample(count))
        for mix, count in sizes
    }
    lengths = MIXED.sample(warm_up)
    return Texts(measured, write_texts(tokenizer, SENTENCES, lengths, WARM_UP_SEED))
