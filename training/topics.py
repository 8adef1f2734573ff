"""The default model for topics: World, Sports, Business or Sci/Tech."""

import random
from pathlib import Path

from training.datasets import TOPIC_LABELS, LabelledText, read_ag_news, read_bbc_labelled
from training.finetune import Stage, Task
from training.made_sentences import slipped
from training.rows import Row
from training.text_labels import (
    LONGEST_SERVED,
    accuracy_on,
    classifier,
    label_loss,
    label_rows,
)
from training.tokenizer import load_tokenizer

HEADLINE_SHARE = 0.3
SLIP_SHARE = 0.1


def topics_task(data: Path, encoder: Path) -> Task:
    """Four topics of news; validated on 2,000 rows of AG News kept aside.

    Some texts are cut after a few words, as a headline is; BBC titles, and BBC articles' first
    words, of the three topics that both sets have are added.
    """
    tokenizer = load_tokenizer(encoder)
    train, held_out = read_ag_news(data)
    others = read_bbc_labelled(data)

    def epoch(draw: random.Random) -> list[Row]:
        texts = [LabelledText(_as_met(row.text, draw), row.label) for row in [*train, *others]]
        return label_rows(texts, tokenizer, 128)

    validation = label_rows(held_out, tokenizer, LONGEST_SERVED)
    model = classifier(encoder, TOPIC_LABELS)
    return Task("topics", model, (Stage(1.0, epoch),), label_loss, accuracy_on(validation))


def _as_met(text: str, draw: random.Random) -> str:
    if draw.random() < HEADLINE_SHARE:
        text = " ".join(text.split()[: draw.randint(5, 14)])
    return slipped(text, draw) if draw.random() < SLIP_SHARE else text
