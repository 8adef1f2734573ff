"""Fine-tuning on a user's own files, from the command line to what transformers and we load."""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from typer.testing import CliRunner, Result  # noqa: E402

from bench.checkpoints import TINY, write_checkpoint, write_tensors  # noqa: E402
from export.exporter import ExportRequest, export_checkpoint  # noqa: E402
from model_directory.manifest import ProblemType, Task  # noqa: E402
from service.tasks.classification import (  # noqa: E402
    ClassificationInput,
    ClassificationRequest,
)
from training import finetune as finetuning  # noqa: E402
from training.commands import application  # noqa: E402
from training.in_process import answer_all, open_model  # noqa: E402
from training.own_data.text_data import TextData  # noqa: E402
from training.own_data.text_task import temperature  # noqa: E402

pytestmark = pytest.mark.parity

GOOD = ("good", "better", "music", "film")
BAD = ("bad", "nobody", "rates", "fell")


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


def finetune(task: str, encoder: Path, *data: Path, **options: object) -> Result:
    """Runs the command; an option that is True is a flag."""
    arguments = ["finetune", "--task", task, "--encoder", str(encoder), "--threads", "1"]
    for path in data:
        arguments += ["--data", str(path)]
    for name, value in options.items():
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return CliRunner().invoke(application, arguments, catch_exceptions=False)


def texts(count: int) -> list[tuple[str, str]]:
    """Texts whose label is that of the one word in them that has a side."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        label, words = (("up", GOOD), ("down", BAD))[number % 2]
        neutral = [draw.choice(("the", "was", "and", "in", "of", "who")) for _ in range(4)]
        rows.append(
            (" ".join([*neutral[:2], draw.choice(words), *neutral[2:], str(number)]), label)
        )
    return rows


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def served_scores(checkpoint: Path, inputs: list[str], models: Path) -> list[dict[str, float]]:
    model = open_model(export_checkpoint(ExportRequest(checkpoint, "m", models), silent).directory)
    answers = answer_all(model, [ClassificationInput(one) for one in inputs], ClassificationRequest)
    return [{one.label: one.score for one in answer} for answer in answers]


def test_a_labelled_csv_becomes_a_model_that_tells_its_labels(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder", seed=1)
    data = write_csv(tmp_path / "own.csv", texts(240))
    output = tmp_path / "output"
    # Enough on any processor: the order in which one adds decides how many epochs it takes.
    result = finetune("classification", encoder, data, output=output, epochs=20, learning_rate=3e-3)
    assert result.exit_code == 0, result.output
    assert "216 rows to train on, 24 to validate on" in result.stderr
    assert "precision  recall" in result.stdout
    described = json.loads((output / "finetuning.json").read_text())
    assert described["figures"]["accuracy"] > 0.9
    assert not list(tmp_path.glob("*.unfinished"))
    request = ExportRequest(
        output, "own", tmp_path / "models", evaluation=output / "evaluation.json"
    )
    manifest = export_checkpoint(request, silent).manifest
    assert manifest.labels == ("down", "up")
    assert manifest.task is Task.CLASSIFICATION
    assert manifest.evaluation[0].value == round(described["figures"]["accuracy"], 4)


def foreign_checkpoint(directory: Path) -> Path:
    """An encoder as others save it: no head, no prefix, another activation, other special ids."""
    shape = replace(TINY, hidden_act="relu")
    write_checkpoint(directory, shape=shape, config={"architectures": ["AlbertModel"]})
    tensors = load_file(directory / "model.safetensors")
    bare = {
        name.removeprefix("albert."): tensor
        for name, tensor in tensors.items()
        if name.startswith("albert.")
    }
    write_tensors(directory, bare)
    content = json.loads((directory / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    ends = vocabulary[2:4]  # [CLS] and [SEP] change places with the last two pieces
    vocabulary[2:4], vocabulary[-2:] = vocabulary[-2:], ends
    content["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 158), ("[SEP]", 159)],
    )
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").unlink(missing_ok=True)
    return directory


def test_transformers_and_the_service_load_the_same_model(tmp_path: Path) -> None:
    encoder = foreign_checkpoint(tmp_path / "encoder")
    rows = texts(240)
    output = tmp_path / "output"
    data = write_csv(tmp_path / "own.csv", rows)
    result = finetune("classification", encoder, data, output=output, learning_rate=3e-3)
    assert result.exit_code == 0, result.output
    tokenizer = transformers.AutoTokenizer.from_pretrained(output)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(output).eval()
    assert model.config.hidden_act == "relu"
    inputs = [text for text, _ in rows[:20]]
    served = served_scores(output, inputs, tmp_path / "models")
    for text, scores in zip(inputs, served, strict=True):
        ids = tokenizer(text, return_tensors="pt")
        assert ids["input_ids"][0, [0, -1]].tolist() == [158, 159]
        with torch.inference_mode():
            expected = torch.softmax(model(**ids).logits[0].double(), 0).numpy()
        assert scores["down"] == pytest.approx(expected[0], abs=1e-4)
        assert scores["up"] == pytest.approx(expected[1], abs=1e-4)


def test_a_vocabulary_alone_is_trained_with_as_it_is_served(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    from tests.export.albert_reference import AlbertReference, train

    encoder = write_checkpoint(tmp_path / "encoder", shape=replace(TINY, vocab_size=400))
    (encoder / "tokenizer.json").unlink()
    (encoder / "spiece.model").write_bytes(train())
    rows = texts(60)
    data, output = write_csv(tmp_path / "own.csv", rows), tmp_path / "output"
    result = finetune("classification", encoder, data, output=output, epochs=1)
    assert result.exit_code == 0, result.output
    tokenizer = transformers.AutoTokenizer.from_pretrained(output)
    reference = AlbertReference(train())
    for text in ("About 20,500 men: ``it''s'' (a-b) Licence.", *(text for text, _ in rows)):
        assert tokenizer(text)["input_ids"] == [2, *reference.ids(text), 3]
    model = transformers.AutoModelForSequenceClassification.from_pretrained(output).eval()
    (served,) = served_scores(output, [rows[0][0]], tmp_path / "models")
    with torch.inference_mode():
        logits = model(**tokenizer(rows[0][0], return_tensors="pt")).logits[0]
    expected = torch.softmax(logits.double(), 0).numpy()
    assert served["down"] == pytest.approx(expected[0], abs=1e-4)


def test_several_labels_a_text(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder", labels=None, seed=1)
    rows = [
        {"text": text, "labels": [label, "long"] if number % 3 else [label] * (number % 2)}
        for number, (text, label) in enumerate(texts(240))
    ]
    output = tmp_path / "output"
    data = write_lines(tmp_path / "own.jsonl", rows)
    result = finetune("classification", encoder, data, output=output, epochs=6, learning_rate=3e-3)
    assert result.exit_code == 0, result.output
    manifest = export_checkpoint(ExportRequest(output, "m", tmp_path / "models"), silent).manifest
    assert manifest.labels == ("down", "long", "up")
    assert manifest.problem_type is ProblemType.MULTI_LABEL
    figures = json.loads((output / "finetuning.json").read_text())["figures"]
    assert figures["micro F1"] > 0.6


def test_the_head_of_the_same_labels_is_trained_on(tmp_path: Path) -> None:
    """With a learning rate of next to nothing what comes out is what went in."""
    encoder = write_checkpoint(tmp_path / "encoder", labels=("up", "down"))
    data, output = write_csv(tmp_path / "own.csv", texts(40)), tmp_path / "output"
    options = {"output": output, "epochs": 1, "learning_rate": 1e-12, "overwrite": True}
    assert finetune("classification", encoder, data, **options).exit_code == 0
    before, after = (load_file(one / "model.safetensors") for one in (encoder, output))
    assert np.allclose(before["classifier.weight"], after["classifier.weight"], atol=1e-6)
    assert json.loads((output / "config.json").read_text())["id2label"] == {"0": "up", "1": "down"}
    other = write_csv(tmp_path / "other.csv", [(text, label + "!") for text, label in texts(40)])
    assert finetune("classification", encoder, other, **options).exit_code == 0
    anew = load_file(output / "model.safetensors")
    assert not np.allclose(before["classifier.weight"], anew["classifier.weight"], atol=1e-3)
    assert np.allclose(before["albert.pooler.weight"], anew["albert.pooler.weight"], atol=1e-6)


def test_questions_in_squad_s_form(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder", seed=1)
    paragraphs = []
    for number in range(60):
        context = f"who lives {'in the north ' * (number % 3)}of the city {number} the bank"
        answers = [{"text": str(number), "answer_start": context.index(str(number))}]
        asked = [{"question": "where is the city", "answers": answers}]
        paragraphs.append({"context": context, "qas": asked})
    data = tmp_path / "train.json"
    data.write_text(json.dumps({"data": [{"title": "T", "paragraphs": paragraphs}]}))
    output = tmp_path / "output"
    result = finetune("question-answering", encoder, data, output=output, epochs=4, max_length=32)
    assert result.exit_code == 0, result.output
    assert "exact match" in result.stdout
    manifest = export_checkpoint(ExportRequest(output, "m", tmp_path / "models"), silent).manifest
    assert manifest.task is Task.QUESTION_ANSWERING


def test_bad_rows_end_the_run_before_it_trains(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder")
    data = write_csv(tmp_path / "own.csv", [*texts(40), ("", "up"), ("good", "")])
    output = tmp_path / "output"
    result = finetune("classification", encoder, data, output=output)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{data}:42: the text is empty",
        f"{data}:43: the label is empty",
        "finetune: 2 rows cannot be used: mend the file, or leave them out with --skip-bad-rows",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"encoder", "own.csv"}
    result = finetune("classification", encoder, data, output=output, epochs=1, skip_bad_rows=True)
    assert result.exit_code == 0
    assert "2 bad rows are left out" in result.stderr
    assert (output / "bad-rows.txt").read_text().splitlines() == [
        f"{data}:42: the text is empty",
        f"{data}:43: the label is empty",
    ]


def test_a_finished_output_is_not_overwritten_without_being_told(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder")
    data = write_csv(tmp_path / "own.csv", texts(40))
    options: dict[str, Any] = {"output": tmp_path / "output", "epochs": 1}
    assert finetune("classification", encoder, data, **options).exit_code == 0
    again = finetune("classification", encoder, data, **options)
    assert (again.exit_code, "give --overwrite" in again.stderr) == (2, True)
    assert finetune("classification", encoder, data, overwrite=True, **options).exit_code == 0


def test_a_checkpoint_whose_weights_do_not_fit_its_config_is_refused(tmp_path: Path) -> None:
    encoder = write_checkpoint(tmp_path / "encoder")
    tensors = load_file(encoder / "model.safetensors")
    del tensors["albert.encoder.embedding_hidden_mapping_in.weight"]
    write_tensors(encoder, tensors)
    data = write_csv(tmp_path / "own.csv", texts(40))
    result = finetune("classification", encoder, data, output=tmp_path / "output")
    assert result.exit_code == 2
    assert "embedding_hidden_mapping_in.weight is missing" in result.stderr


class KilledError(Exception):
    """Stands for the end of the process."""


def killed_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but its ``call``-th call never returns."""
    calls = iter(range(1, 1_000))

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise KilledError
        return function(*arguments, **named)

    return wrapped


def test_the_same_command_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = write_checkpoint(tmp_path / "encoder")
    data = write_csv(tmp_path / "own.csv", texts(100))
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", -1.0)
    at_once, stopped = tmp_path / "at-once", tmp_path / "stopped"
    assert finetune("classification", encoder, data, output=at_once).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(finetuning, "train_step", killed_at(11, finetuning.train_step))
        with pytest.raises(KilledError):
            finetune("classification", encoder, data, output=stopped)
    assert not stopped.exists()
    other = finetune("classification", encoder, data, output=stopped, epochs=7)
    assert (other.exit_code, "begun with another epochs" in other.stderr) == (2, True)
    result = finetune("classification", encoder, data, output=stopped)
    assert "going on with the run in" in result.stderr
    files = [(one / "model.safetensors").read_bytes() for one in (at_once, stopped)]
    assert files[0] == files[1]


def test_scores_are_sharpened_or_blunted_only_on_enough_validation_rows_with_errors() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 2, (400, 1))
    sure = np.where(draw.random((400, 1)) < 0.8, targets, 1 - targets)  # right in 80 %
    logits = np.concatenate([(1 - sure) * 9.0, sure * 9.0], axis=1)
    data = TextData(("a", "b"), False, (), (), ())
    fitted = temperature(logits, targets, data)
    share = 1 / (1 + np.exp(-9.0 / fitted))
    assert share == pytest.approx((sure == targets).mean(), abs=1e-3)
    assert temperature(logits[:99], targets[:99], data) == 1.0
    assert temperature(logits, sure, data) == 1.0
    several = TextData(("a", "b"), True, (), (), ())
    both = np.concatenate([1 - targets, targets], axis=1)
    assert temperature(logits - 4.5, both, several) == pytest.approx(4.5 / 9 * fitted, rel=0.05)
