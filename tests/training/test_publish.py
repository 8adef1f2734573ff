from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bench.checkpoints import write_checkpoint, write_tensors
from export.card import write_card
from export.exporter import ExportRequest, export_checkpoint
from model_directory.catalogue import list_versions
from model_directory.integrity import open_version
from model_directory.manifest import CARD_NAME
from service.tasks.classification import ClassificationInput, ClassificationRequest
from tests.training.test_evaluate import write_data, write_rows
from training.behaviour.cases import Suite
from training.behaviour.sentiment import sentiment_suite
from training.datasets import read_rows
from training.in_process import answer_all, open_model
from training.publish import CARDS, LICENCE, publish
from training.temperature import fit_served

SOME_CASES = sentiment_suite().cases[::10]
MODELS = Path(__file__).parents[2] / "models"
LABELS = ("negative", "positive")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and data that agree with it on three rows in four: its best temperature is
    neither of the limits.
    """
    work = tmp_path_factory.mktemp("work")
    write_data(work / "data")
    checkpoint = write_checkpoint(work / "final" / "sentiment", labels=LABELS)
    request = ExportRequest(checkpoint, "as-trained", work / "as-trained")
    model = open_model(export_checkpoint(request, lambda stage, done=0, of=0: None).directory)
    for name in ("sst2-dev", "imdb-train"):
        path = work / "data" / "sentiment" / f"{name}.jsonl.xz"
        texts = [row["text"] for row in read_rows(path)]
        inputs = [ClassificationInput(text) for text in texts]
        answers = answer_all(model, inputs, ClassificationRequest)
        rows = [
            {"text": text, "label": answer[0 if number % 4 else 1].label}
            for number, (text, answer) in enumerate(zip(texts, answers, strict=True))
        ]
        write_rows(path, rows)
    return work


@pytest.fixture(scope="module", autouse=True)
def shorter_suite() -> Iterator[None]:
    """Every tenth case, which shows as much here and takes a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.evaluate.suite_of", lambda manifest: Suite(SOME_CASES))
        yield


@pytest.fixture(scope="module")
def published(work: Path) -> Path:
    return publish("sentiment", work / "data", work, work / "models")


def test_what_is_published_is_calibrated_and_says_what_it_does(work: Path, published: Path) -> None:
    assert published == work / "models" / "sentiment" / "1"
    figures = {
        (one.dataset, one.metric): one for one in open_version(published).manifest.evaluation
    }
    assert ("SST-2 dev", "accuracy") in figures
    assert ("IMDb reviews, held-out", "expected calibration error") in figures
    assert ("behaviour: negated praise", "passed, minimum functionality") in figures
    (temperature,) = [one for (_, metric), one in figures.items() if "temperature" in metric]
    assert temperature.value != 1
    # the file needs no temperature any more
    assert fit_served(open_model(published), work / "data").temperature == pytest.approx(
        1.0, rel=1e-3
    )
    card = (published / "README.md").read_text(encoding="utf-8")
    assert "negated praise" in card
    assert "What it is for" in card


def test_the_trained_checkpoint_stays_and_a_second_run_writes_nothing_new(
    work: Path, published: Path
) -> None:
    trained = write_checkpoint(work / "again", labels=LABELS) / "model.safetensors"
    kept = work / "final" / "sentiment" / "model.safetensors"
    assert kept.read_bytes() == trained.read_bytes()
    assert publish("sentiment", work / "data", work, work / "models") == published
    assert [path.name for path in published.parent.iterdir()] == ["1"]


def test_other_weights_make_another_version(work: Path, published: Path) -> None:
    checkpoint = work / "final" / "sentiment"
    tensors = load_file(checkpoint / "model.safetensors")
    write_tensors(checkpoint, {**tensors, "classifier.bias": np.float32([1.0, -1.0])})
    second = publish("sentiment", work / "data", work, work / "models")
    assert second == published.parent / "2"


@pytest.mark.parametrize("name", [path.stem for path in CARDS.glob("*.md")])
def test_the_cards_of_the_default_models_are_what_would_be_written(name: str) -> None:
    directory = MODELS / name / str(max(list_versions(MODELS, name)))
    manifest = open_version(directory).manifest
    assert manifest.licence == LICENCE
    card = write_card(manifest, (CARDS / f"{name}.md").read_text(encoding="utf-8"))
    assert (directory / CARD_NAME).read_text(encoding="utf-8") == card
