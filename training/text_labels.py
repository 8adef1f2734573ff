"""What the tasks share that give a whole text one label: the model, its loss, rows, validation."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import AlbertForSequenceClassification

from training.datasets import LabelledText
from training.encoder import ATTENTION, TRAINED_ACTIVATION
from training.finetune import run_model
from training.metrics import accuracy
from training.rows import Row, batches, pad
from training.tokenizer import CLS, SEP

LONGEST_SERVED = 512
VALIDATION_TOKENS = 8_192
DROPOUT = 0.1


def classifier(encoder: Path, labels: tuple[str, ...]) -> AlbertForSequenceClassification:
    """The encoder with a new head for the labels, and a new pooler.

    Through the pooler that sentence-order prediction leaves, sentiment did not learn: its loss was
    still 0.71 after 225 steps, where a new pooler had brought it to 0.48.
    """
    model = AlbertForSequenceClassification.from_pretrained(
        encoder,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
        problem_type="single_label_classification",
        hidden_act=TRAINED_ACTIVATION,
        hidden_dropout_prob=DROPOUT,
        attn_implementation=ATTENTION,
    )
    nn.init.normal_(model.albert.pooler.weight, std=model.config.initializer_range)
    nn.init.zeros_(model.albert.pooler.bias)
    return model


def label_loss(output: object, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits [rows, labels] with targets [rows, 1]."""
    return functional.cross_entropy(output.logits.float(), targets[:, 0])


def label_rows(texts: list[LabelledText], tokenizer: Tokenizer, longest: int) -> list[Row]:
    """Rows ``[CLS] text [SEP]``, cut at the end to ``longest`` tokens."""
    encoded = tokenizer.encode_batch_fast([row.text for row in texts], add_special_tokens=False)
    return [
        label_row(encoding.ids[: longest - 2], row.label)
        for encoding, row in zip(encoded, texts, strict=True)
    ]


def label_row(ids: Iterable[int], label: int) -> Row:
    """One text's row, special tokens put around its ids."""
    row = np.array([CLS, *ids, SEP], dtype=np.uint16)
    return Row(row, len(row), (label,))


def accuracy_on(rows: list[Row]) -> Callable[[nn.Module], float]:
    """A figure of merit: accuracy on these rows, 0 to 1."""

    @torch.inference_mode()
    def validate(model: nn.Module) -> float:
        predicted: list[int] = []
        expected: list[int] = []
        for block in batches(rows, VALIDATION_TOKENS, np.random.default_rng(0)):
            batch = pad(block)
            predicted += run_model(model, batch).logits.argmax(1).tolist()
            expected += batch.targets[:, 0].tolist()
        return accuracy(predicted, expected)

    return validate
