"""The task of a user's labels: the model with their head, its loss, its validation."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AlbertForSequenceClassification

from training.calibration import fit_sigmoid_temperature, fit_temperature
from training.encoder import ATTENTION
from training.finetune import Stage, Task, run_model
from training.own_data.base_checkpoint import BaseCheckpoint
from training.own_data.scores import score_labels
from training.own_data.text_data import TextData, text_row
from training.own_data.weights import load_pretrained, trained_activation
from training.rows import Row, batches, pad

DROPOUT = 0.1
VALIDATION_TOKENS = 8_192
LEAST_TO_CALIBRATE = 100
"""Validation rows; a temperature fitted on fewer says more of them than of the model."""


def text_task(name: str, data: TextData, base: BaseCheckpoint, longest: int) -> Task:
    """One label a text or, in multi-label data, any number of them; validated on the data's part.

    The figure of merit is accuracy, or micro-averaged F1 of labels with a score of a half or more.
    """
    training = [text_row(one, data, base.tokenizer, longest) for one in data.training]
    validation = [text_row(one, data, base.tokenizer, longest) for one in data.validation]
    model = text_model(base, data)

    def epoch(_draw: random.Random) -> list[Row]:
        return training

    def merit(model: nn.Module) -> float:
        logits, targets = _logits(model, validation)
        scores = score_labels(_chosen(logits, data), _chosen(targets, data), data.labels)
        return scores.micro_f1 if data.multi_label else scores.accuracy

    def calibrate(best: nn.Module) -> float:
        logits, targets = _logits(best, validation)
        return temperature(logits, targets, data)

    loss = _independent_loss if data.multi_label else _exclusive_loss
    return Task(name, model, (Stage(1.0, epoch),), loss, merit, calibrate)


def text_model(base: BaseCheckpoint, data: TextData) -> AlbertForSequenceClassification:
    """The checkpoint with a head for the labels: its own where the labels are the same.

    A checkpoint that does not classify texts gets a new pooler too: the one that pretraining leaves
    stands in the way (`training.text_labels.classifier`).
    """
    kind = "multi_label" if data.multi_label else "single_label"
    model = load_pretrained(
        AlbertForSequenceClassification,
        base,
        num_labels=len(data.labels),
        id2label=dict(enumerate(data.labels)),
        label2id={label: number for number, label in enumerate(data.labels)},
        problem_type=f"{kind}_classification",
        hidden_act=trained_activation(base),
        hidden_dropout_prob=DROPOUT,
        attn_implementation=ATTENTION,
    )
    if base.labels is None:
        nn.init.normal_(model.albert.pooler.weight, std=model.config.initializer_range)
        nn.init.zeros_(model.albert.pooler.bias)
    if base.labels != data.labels:
        nn.init.normal_(model.classifier.weight, std=model.config.initializer_range)
        nn.init.zeros_(model.classifier.bias)
    return model


def temperature(logits: np.ndarray, targets: np.ndarray, data: TextData) -> float:
    """What the head is to be divided by, so that its scores mean what they say.

    1, which changes nothing, where there are too few validation rows to fit it on, or no error
    among them.
    """
    if len(logits) < LEAST_TO_CALIBRATE or _chosen(logits, data) == _chosen(targets, data):
        return 1.0
    if data.multi_label:
        return fit_sigmoid_temperature(logits, targets)
    return fit_temperature(logits, targets[:, 0])


def _chosen(values: np.ndarray, data: TextData) -> list[frozenset[int]]:
    """The labels that logits, or targets, stand for."""
    if data.multi_label:
        cut = 0.0 if values.dtype.kind == "f" else 0.5
        return [frozenset(np.flatnonzero(row > cut).tolist()) for row in values]
    best = values.argmax(1) if values.shape[1] > 1 else values[:, 0]
    return [frozenset([int(number)]) for number in best]


@torch.inference_mode()
def _logits(model: nn.Module, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Logits [rows, labels] float32, and targets [rows, numbers] int64, in some order of rows."""
    logits, targets = [], []
    for block in batches(list(rows), VALIDATION_TOKENS, np.random.default_rng(0)):
        batch = pad(block)
        logits.append(run_model(model, batch).logits.float().cpu().numpy())
        targets.append(batch.targets)
    return np.concatenate(logits), np.concatenate(targets)


def _exclusive_loss(output: object, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits [rows, labels] with targets [rows, 1]."""
    return functional.cross_entropy(output.logits.float(), targets[:, 0])


def _independent_loss(output: object, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of logits [rows, labels] with targets [rows, labels], 0 and 1."""
    return functional.binary_cross_entropy_with_logits(output.logits.float(), targets.float())
