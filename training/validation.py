"""What the default models are measured on: data of which nothing was trained on.

A fixed half of each set, drawn by a hash, serves to fit the temperature; the error of calibration
is measured on the other half, every other figure on the whole.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from training.datasets import (
    SENTIMENT_LABELS,
    TOPIC_LABELS,
    LabelledText,
    Question,
    intent_labels,
    read_ag_news,
    read_clinc,
    read_imdb,
    read_sst2,
)
from training.held_out import held_out_questions, paired_with_other_paragraphs


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its label's name."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Texts whose labels are known, under the name and the source that a figure states."""

    name: str
    source: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class QuestionSets:
    """Questions over held-out articles, and some of them over paragraphs without the answer."""

    answerable: tuple[Question, ...]
    unanswerable: tuple[Question, ...]


def question_sets(data: Path) -> QuestionSets:
    """The validation questions of the default model that answers questions."""
    answerable = held_out_questions(data)
    return QuestionSets(tuple(answerable), tuple(paired_with_other_paragraphs(answerable)))


def labelled_sets(labels: tuple[str, ...], data: Path) -> list[LabelledSet]:
    """The validation sets of the default model that has these labels.

    ValueError if no default model has them.
    """
    if set(labels) == set(SENTIMENT_LABELS):
        return [
            _set(
                "SST-2 dev", "GLUE SST-2, development set", read_sst2(data, "dev"), SENTIMENT_LABELS
            ),
            _set(
                "IMDb reviews, held-out",
                "training reviews of the Large Movie Review Dataset kept aside by a hash",
                read_imdb(data)[1],
                SENTIMENT_LABELS,
            ),
        ]
    if set(labels) == set(TOPIC_LABELS):
        source = "AG News training rows kept aside by a hash of their text"
        return [_set("AG News, held-out", source, read_ag_news(data)[1], TOPIC_LABELS)]
    known = intent_labels(data)
    if set(labels) == set(known):
        source = "CLINC150, validation part with its out-of-scope rows"
        return [_set("CLINC150 val", source, read_clinc(data, "val"), known)]
    raise ValueError(f"no default model has the labels {', '.join(labels[:8])}")


def serves_to_fit(example: Example | Question) -> bool:
    """Whether this example is of the half that the temperature is fitted on."""
    key = example.text if isinstance(example, Example) else f"{example.question}\n{example.context}"
    return hashlib.blake2b(key.encode(), digest_size=8).digest()[0] % 2 == 0


def _set(name: str, source: str, rows: list[LabelledText], labels: tuple[str, ...]) -> LabelledSet:
    return LabelledSet(name, source, tuple(Example(row.text, labels[row.label]) for row in rows))
