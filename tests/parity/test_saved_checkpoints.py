"""What transformers' save_pretrained writes is what the exporter reads."""

from dataclasses import asdict
from pathlib import Path

import pytest

from bench.checkpoints import TINY, build_tokenizer
from export.exporter import ExportRequest, export_checkpoint
from model_directory.integrity import open_version
from model_directory.manifest import ProblemType, Task

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.parity


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize("shard", ["1GB", "20KB"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("head", ["SequenceClassification", "QuestionAnswering"])
def test_a_saved_checkpoint_is_exported(head: str, dtype: str, shard: str, tmp_path: Path) -> None:
    config = transformers.AlbertConfig(**asdict(TINY))
    model = getattr(transformers, f"AlbertFor{head}")(config).to(getattr(torch, dtype))
    model.save_pretrained(tmp_path / "saved", max_shard_size=shard)
    build_tokenizer(TINY.vocab_size).save(str(tmp_path / "saved" / "tokenizer.json"))
    request = ExportRequest(tmp_path / "saved", "saved", tmp_path / "models")
    manifest = open_version(export_checkpoint(request, silent).directory).manifest
    if head == "QuestionAnswering":
        assert manifest.task is Task.QUESTION_ANSWERING
    else:
        assert manifest.labels == ("LABEL_0", "LABEL_1")
        assert manifest.problem_type is ProblemType.SINGLE_LABEL


def test_a_regression_that_transformers_trained_says_so(tmp_path: Path) -> None:
    config = transformers.AlbertConfig(**asdict(TINY), num_labels=1)
    model = transformers.AlbertForSequenceClassification(config)
    model(input_ids=torch.tensor([[2, 9, 3]]), labels=torch.tensor([0.5]))
    model.save_pretrained(tmp_path / "saved")
    build_tokenizer(TINY.vocab_size).save(str(tmp_path / "saved" / "tokenizer.json"))
    request = ExportRequest(tmp_path / "saved", "saved", tmp_path / "models")
    assert export_checkpoint(request, silent).manifest.problem_type is ProblemType.REGRESSION
