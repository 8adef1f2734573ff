"""Runs that were stopped go on exactly where they were: the weights come out equal to the bit."""

import random
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from training import finetune as finetuning
from training import pretrain as pretraining
from training.corpus import sentence_starts
from training.encoder import WORD_WIDTH
from training.finetune import FinetuningPlan, Stage, Task, finetune
from training.pretrain import LENGTH, PretrainingPlan, pretrain
from training.rows import Row
from training.text_labels import accuracy_on, classifier, label_loss
from training.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer

SENTENCES = [
    "The Norman conquest of England began in 1066, led by William the Conqueror.",
    "A river flows through the old town, and the bridge over it is made of stone.",
]
WIDTHS = {
    "embedding_size": 128,
    "hidden_size": 128,
    "intermediate_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
}
PLAN = PretrainingPlan(
    tokens=8 * 4 * LENGTH, masked_rows=2, cloze_rows=2, peak_learning_rate=1e-3, threads=1
)
TUNING = FinetuningPlan(
    tokens=1_200, peak_learning_rate=1e-3, padded_tokens=64, validations=3, threads=1
)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    save_tokenizer(train_tokenizer(SENTENCES * 40, vocabulary=160), work / "tokenizer")
    tokenizer = load_tokenizer(work / "tokenizer")
    vocabulary = tokenizer.get_vocab_size()
    ids = tokenizer.encode(" ".join(SENTENCES * 40), add_special_tokens=False).ids
    tokens, documents = np.array(ids, dtype=np.uint16), np.array([0, len(ids)])
    (work / "corpus").mkdir()
    np.save(work / "corpus" / "tokens.npy", tokens)
    np.save(work / "corpus" / "documents.npy", documents)
    np.save(work / "corpus" / "sentences.npy", sentence_starts(tokens, documents, tokenizer))
    draw = np.random.default_rng(0)
    np.savez(
        work / "cloze.npz",
        ids=draw.integers(5, vocabulary, (6, LENGTH), dtype=np.uint16),
        question=np.full(6, 20, dtype=np.int16),
        start=np.full(6, 30, dtype=np.int16),
        end=np.full(6, 32, dtype=np.int16),
    )
    np.savez(
        work / "warm-start.npz",
        words=draw.normal(scale=0.05, size=(vocabulary, WORD_WIDTH)).astype(np.float32),
        frequencies=np.bincount(tokens, minlength=vocabulary),
    )
    return work


def killed_at(call: int, function: Callable) -> Callable:
    """The function, but its ``call``-th call never returns."""
    calls = iter(range(1, 1_000_000))

    def wrapped(*arguments: object, **named: object) -> object:
        if next(calls) == call:
            raise KilledError
        return function(*arguments, **named)

    return wrapped


def same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def test_a_killed_pretraining_run_resumes_to_the_same_weights(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = pretrain(Path(copytree(work, tmp_path / "straight")), PLAN, WIDTHS)
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "make_batch", killed_at(5, pretraining.make_batch))
        with pytest.raises(KilledError):
            pretrain(work, PLAN, WIDTHS)
    assert not (work / "encoder").exists()
    assert same_weights(pretrain(work, PLAN, WIDTHS), straight)


def test_a_killed_finetuning_run_resumes_to_the_same_weights(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = pretrain(work, PLAN, WIDTHS)

    def task() -> Task:
        def epoch(draw: random.Random) -> list[Row]:
            return [
                Row(np.array([2, 5 + 6 * label, draw.randrange(20, 50), 3], np.uint16), 4, (label,))
                for label in (0, 1) * 20
            ]

        rows = epoch(random.Random(1))
        torch.manual_seed(0)
        model = classifier(encoder, ("no", "yes"))
        return Task(
            "toy", model, (Stage(0.5, epoch), Stage(1.0, epoch)), label_loss, accuracy_on(rows)
        )

    straight = finetune(task(), TUNING, encoder, tmp_path / "straight")
    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0.0)
    for call in (3, 9):
        with monkeypatch.context() as patch:
            patch.setattr(finetuning, "train_step", killed_at(call, finetuning.train_step))
            with pytest.raises(KilledError):
                finetune(task(), TUNING, encoder, work)
    resumed = finetune(task(), TUNING, encoder, work)
    assert same_weights(resumed, straight)
    assert (work / "toy.jsonl").read_text().count('"resumed"') == 2
    assert finetune(task(), TUNING, encoder, work) == resumed
