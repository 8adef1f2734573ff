"""What is measured: a model of random weights, exported as any checkpoint is, and its texts."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from bench.checkpoints import SENTENCES, Shape, write_checkpoint
from bench.errors import BenchError
from bench.repository import ROOT
from bench.texts import write_texts
from model_directory.integrity import open_version

NAME = "subject"


@dataclass(frozen=True, slots=True)
class Subject:
    """An exported model under ``models``, and texts with their token ids, one row each."""

    models: Path
    model_file: Path
    model_bytes: int
    pad_token_id: int
    texts: list[str]
    rows: list[list[int]]

    @property
    def path(self) -> str:
        """The route that answers with this model."""
        return f"/v1/models/{NAME}"

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(row) for row in self.rows]

    @property
    def warm_up(self) -> list[int]:
        """Positions of texts of every length, an eighth of all, to be run before the clock
        starts.
        """
        by_length = sorted(range(len(self.rows)), key=self.lengths.__getitem__)
        return by_length[::8] + by_length[-1:]


def export_model(shape: Shape, directory: Path) -> Path:
    """A random checkpoint of ``shape``, exported under ``directory``: the models directory."""
    checkpoint = write_checkpoint(directory / "checkpoint", shape=shape)
    models = directory / "models"
    command = [sys.executable, "-m", "export", str(checkpoint), "--name", NAME]
    finished = subprocess.run(
        [*command, "--output", str(models)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise BenchError(f"the export failed:\n{finished.stderr.strip()}")
    return models


def prepare_subject(models: Path, lengths: Sequence[int]) -> Subject:
    """The exported model with texts of ``lengths`` tokens."""
    version = open_version(models / NAME / "1")
    tokenizer = Tokenizer.from_buffer(version.tokenizer)
    texts = write_texts(tokenizer, SENTENCES, lengths)
    return Subject(
        models=models,
        model_file=models / NAME / "1" / version.manifest.model_file,
        model_bytes=len(version.model),
        pad_token_id=version.manifest.tokenizer.pad_token_id,
        texts=texts,
        rows=[encoding.ids for encoding in tokenizer.encode_batch(texts)],
    )
