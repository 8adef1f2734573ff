"""The two tasks that give a whole text one label: sentiment and topics."""

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import AlbertForSequenceClassification

from training.datasets import (
    SENTIMENT_LABELS,
    TOPIC_LABELS,
    LabelledText,
    read_ag_news,
    read_bbc_titles,
    read_reviews_labelled,
    read_sst2,
)
from training.encoder import TRAINED_ACTIVATION
from training.finetune import Stage, Task, run_model
from training.metrics import accuracy
from training.penn_treebank import as_written
from training.rows import Row, batches, pad
from training.tokenizer import CLS, SEP, load_tokenizer

LONGEST_SERVED = 512
VALIDATION_TOKENS = 8_192


def sentiment_task(data: Path, encoder: Path) -> Task:
    """Negative or positive; validated on SST-2 dev, which is never trained on.

    An epoch is all of SST-2 (half of it as one would write it, without the spaces of its
    tokenisation), all UCI sentences twice, and a part of each larger set. Of long reviews
    a random length of the start or the end is taken; one in eight keeps up to 320 tokens.
    """
    tokenizer = load_tokenizer(encoder)
    sst2 = read_sst2(data, "train")
    sentences = read_reviews_labelled(data, "uci-sentences")
    yelp = read_reviews_labelled(data, "yelp-sentences")
    reviews = [
        *read_reviews_labelled(data, "imdb-train"),
        *read_reviews_labelled(data, "amazon-4-domains"),
    ]

    def epoch(draw: random.Random) -> list[Row]:
        phrases = [
            LabelledText(as_written(row.text) if draw.random() < 0.5 else row.text, row.label)
            for row in [*sst2, *draw.sample(yelp, 20_000)]
        ]
        short = label_rows([*phrases, *sentences, *sentences], tokenizer, 128)
        parts = draw.sample(reviews, 6_000)
        return [*short, *cut_reviews(parts, tokenizer, draw)]

    validation = label_rows(read_sst2(data, "dev"), tokenizer, LONGEST_SERVED)
    model = classifier(encoder, SENTIMENT_LABELS)
    return Task("sentiment", model, (Stage(1.0, epoch),), label_loss, accuracy_on(validation))


def topics_task(data: Path, encoder: Path) -> Task:
    """World, Sports, Business or Sci/Tech; validated on 2,000 rows of AG News kept aside.

    Two in five texts are cut after a few words, as a headline is; BBC titles of the three topics
    that both sets have are headlines too.
    """
    tokenizer = load_tokenizer(encoder)
    train, held_out = read_ag_news(data)
    titles = read_bbc_titles(data)

    def epoch(draw: random.Random) -> list[Row]:
        texts = [
            LabelledText(_headline(row.text, draw) if draw.random() < 0.4 else row.text, row.label)
            for row in train
        ]
        return label_rows([*texts, *titles], tokenizer, 160)

    validation = label_rows(held_out, tokenizer, LONGEST_SERVED)
    model = classifier(encoder, TOPIC_LABELS)
    return Task("topics", model, (Stage(1.0, epoch),), label_loss, accuracy_on(validation))


def _headline(text: str, draw: random.Random) -> str:
    return " ".join(text.split()[: draw.randint(5, 14)])


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
        _row(encoding.ids[: longest - 2], row.label)
        for encoding, row in zip(encoded, texts, strict=True)
    ]


def cut_reviews(texts: list[LabelledText], tokenizer: Tokenizer, draw: random.Random) -> list[Row]:
    """Rows of long reviews, each a random length of its start or, as often, of its end."""
    encoded = tokenizer.encode_batch_fast([row.text for row in texts], add_special_tokens=False)
    rows = []
    for encoding, row in zip(encoded, texts, strict=True):
        length = 320 if draw.random() < 0.125 else draw.randint(40, 128)
        ids = encoding.ids[:length] if draw.random() < 0.5 else encoding.ids[-length:]
        rows.append(_row(ids, row.label))
    return rows


def _row(ids: Iterable[int], label: int) -> Row:
    row = np.array([CLS, *ids, SEP], dtype=np.uint16)
    return Row(row, len(row), (label,))


def accuracy_on(rows: list[Row]):
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
