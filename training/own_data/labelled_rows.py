"""Labelled texts as they stand in a user's files, and what makes one of them unusable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.own_data.bad_rows import BadRows
from training.own_data.source_files import flaw_of

LONGEST_LABEL = 256
"""Characters; the exporter takes no longer one."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows are read: names of columns, None for the usual ones.

    ``separator`` splits the label column into several labels.
    """

    text: str | None = None
    label: str | None = None
    separator: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A text and its labels, as the file spells them: one, or in multi-label data any number."""

    place: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """All rows of some files; ``multi_label`` if a row holds a list of labels."""

    rows: tuple[LabelledRow, ...]
    multi_label: bool


def check_row(place: str, text: object, labels: Sequence[str], bad: BadRows) -> LabelledRow | None:
    """The row, or None and a note in ``bad`` if the text or a label cannot be used."""
    if not isinstance(text, str):
        bad.add(place, "the text is missing" if text is None else "the text is not a string")
        return None
    for value in (text, *labels):
        if flaw := flaw_of(value):
            bad.add(place, *flaw)
            return None
    if not text.strip():
        bad.add(place, "the text is empty")
        return None
    for label in labels:
        if not label:
            bad.add(place, "the label is empty")
            return None
        if len(label) > LONGEST_LABEL:
            bad.add(place, f"the label is longer than {LONGEST_LABEL} characters", label[:40] + "…")
            return None
        if not label.isprintable():
            bad.add(place, "the label holds characters that cannot be printed", repr(label[:40]))
            return None
    return LabelledRow(place, text, tuple(dict.fromkeys(labels)))


def split_labels(cell: str, separator: str | None) -> list[str]:
    """The labels of one cell; with a separator an empty cell holds none."""
    if separator is None:
        return [cell.strip()]
    return [label.strip() for label in cell.split(separator) if label.strip()]


def label_of_value(value: Any) -> str | None:
    """A JSON value as a label: strings, whole numbers and truth values are; None for all else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None
