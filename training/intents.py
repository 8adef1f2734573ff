"""The default model for intents: CLINC150's 150 intents, and out of scope."""

import random
from pathlib import Path

from training.datasets import (
    OUT_OF_SCOPE,
    LabelledText,
    intent_labels,
    read_clinc,
    read_question_sets,
)
from training.finetune import Stage, Task
from training.held_out import TITLED_SETS, held_out_titles
from training.made_sentences import slipped
from training.rows import Row
from training.text_labels import accuracy_on, classifier, label_loss, label_rows
from training.tokenizer import load_tokenizer

LONGEST = 64
OUT_OF_SCOPE_TIMES = 4
QUESTIONS_AN_EPOCH = 300
SLIP_SHARE = 0.1
WRAPPED_SHARE = 0.15
OPENINGS = ("hey, ", "hi, ", "please ", "can you tell me ", "i'd like to know, ", "ok, ", "so ")
CLOSINGS = (" please", " thanks", ", thank you", " for me", " now")


def intents_task(data: Path, encoder: Path) -> Task:
    """Sorts what a person says to an assistant; validated on the in-scope validation rows.

    Out of scope are CLINC150's own examples, several times each, and a few questions over
    encyclopaedia articles. Some texts get a greeting, a please or a typing slip.
    """
    tokenizer = load_tokenizer(encoder)
    labels = intent_labels(data)
    rows = read_clinc(data, "train")
    inside = [row for row in rows if labels[row.label] != OUT_OF_SCOPE]
    outside = [row for row in rows if labels[row.label] == OUT_OF_SCOPE]
    articles = read_question_sets(data, TITLED_SETS, held_out_titles(data))
    questions = sorted({one.question for one in articles})

    def epoch(draw: random.Random) -> list[Row]:
        asked = draw.sample(questions, QUESTIONS_AN_EPOCH)
        texts = [
            *inside,
            *(row for row in outside for _ in range(OUT_OF_SCOPE_TIMES)),
            *(LabelledText(question, labels.index(OUT_OF_SCOPE)) for question in asked),
        ]
        said = [LabelledText(_as_said(row.text, draw), row.label) for row in texts]
        return label_rows(said, tokenizer, LONGEST)

    validation = label_rows(read_clinc(data, "val", in_scope=True), tokenizer, LONGEST)
    model = classifier(encoder, labels)
    return Task("intents", model, (Stage(1.0, epoch),), label_loss, accuracy_on(validation))


def _as_said(text: str, draw: random.Random) -> str:
    if draw.random() < WRAPPED_SHARE:
        opening, closing = draw.choice(OPENINGS), draw.choice(CLOSINGS)
        text = draw.choice((opening + text, text + closing, opening + text + closing))
    if draw.random() < SLIP_SHARE:
        text = slipped(text, draw)
    return text + draw.choice(("", "", "?", "."))
