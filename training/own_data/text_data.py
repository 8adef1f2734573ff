"""From labelled files to token rows: labels numbered, a part kept for validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from export.tokenizer import CheckedTokenizer
from training.own_data.bad_rows import BadRows, DataError
from training.own_data.data_notes import label_notes, length_note, overlap_note, vocabulary_note
from training.own_data.labelled_files import read_labelled
from training.own_data.labelled_rows import Columns, LabelledRow
from training.own_data.labels import LabelSet, label_set
from training.own_data.validation_split import held_out_texts
from training.rows import Row

LEAST_ROWS = 10
ENCODED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class TextFiles:
    """Where labelled texts are and how they are read; ``sentiment`` knows usual spellings of it."""

    data: tuple[Path, ...]
    validation: tuple[Path, ...]
    columns: Columns
    sentiment: bool


@dataclass(frozen=True, slots=True)
class TextExample:
    """A text, the numbers of its labels in ascending order, and its ids without special tokens."""

    text: str
    labels: tuple[int, ...]
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class TextData:
    """What a classifier is trained and validated on. ``notes`` are worth telling its owner."""

    labels: tuple[str, ...]
    multi_label: bool
    training: tuple[TextExample, ...]
    validation: tuple[TextExample, ...]
    notes: tuple[str, ...]


def load_texts(
    files: TextFiles,
    tokenizer: CheckedTokenizer,
    longest: int,
    known_labels: tuple[str, ...] | None,
    bad: BadRows,
) -> TextData:
    """The rows of the files; without validation files, a part of ``data`` is kept for that.

    Labels are in the order of ``known_labels``, those of the checkpoint, where they are the same.
    DataError if there is nothing to learn: too few rows, or a single label.
    """
    found = read_labelled(files.data, files.columns, bad)
    given = read_labelled(files.validation, files.columns, bad) if files.validation else None
    if files.sentiment and found.multi_label:
        raise DataError(
            "a sentiment model gives each text one label: use --task classification for several"
        )
    rows, ids = _with_tokens(found.rows, tokenizer, bad)
    labels = label_set((name for row in rows for name in row.labels), polarities=files.sentiment)
    if known_labels is not None and set(known_labels) == set(labels.names):
        labels = replace(labels, names=known_labels)
    _check_enough(rows, labels.names, multi_label=found.multi_label)
    examples = _examples(rows, ids, labels, bad)
    if given is None:
        held_out = held_out_texts([one.text for one in examples], _strata(examples))
    else:
        held_out = set(range(len(examples), len(examples) + len(given.rows)))
        examples += _examples(*_with_tokens(given.rows, tokenizer, bad), labels, bad)
    training = tuple(one for place, one in enumerate(examples) if place not in held_out)
    validation = tuple(one for place, one in enumerate(examples) if place in held_out)
    if not validation:
        raise DataError("no rows are left to validate on: give some with --validation")
    notes = [
        *label_notes(rows, [labels.names_of(row.labels) for row in rows]),
        *length_note([one.ids for one in training], longest),
        *vocabulary_note([one.ids for one in training], tokenizer.facts.unk_token_id),
        *overlap_note([one.text for one in training], [one.text for one in validation]),
    ]
    return TextData(labels.names, found.multi_label, training, validation, tuple(notes))


def text_row(
    example: TextExample, data: TextData, tokenizer: CheckedTokenizer, longest: int
) -> Row:
    """``[CLS] text [SEP]``, cut at the end; the target is a number, or 0 and 1 for each label."""
    facts = tokenizer.facts
    ids = np.array([facts.cls_token_id, *example.ids[: longest - 2], facts.sep_token_id])
    if data.multi_label:
        target = tuple(int(number in example.labels) for number in range(len(data.labels)))
    else:
        target = example.labels
    return Row(ids, len(ids), target)


def _with_tokens(
    rows: Sequence[LabelledRow], tokenizer: CheckedTokenizer, bad: BadRows
) -> tuple[list[LabelledRow], list[list[int]]]:
    """The rows of whose text the tokenizer leaves something, and their ids."""
    kept: list[LabelledRow] = []
    ids: list[list[int]] = []
    for first in range(0, len(rows), ENCODED_AT_ONCE):
        block = rows[first : first + ENCODED_AT_ONCE]
        texts = [row.text for row in block]
        encoded = tokenizer.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        for row, encoding in zip(block, encoded, strict=True):
            if encoding.ids:
                kept.append(row)
                ids.append(encoding.ids)
            else:
                bad.add(row.place, "the text has nothing that the tokenizer keeps", repr(row.text))
    return kept, ids


def _examples(
    rows: Sequence[LabelledRow], ids: Sequence[Sequence[int]], labels: LabelSet, bad: BadRows
) -> list[TextExample]:
    examples = []
    for row, tokens in zip(rows, ids, strict=True):
        numbers = {name: labels.number_of(name) for name in row.labels}
        unknown = [name for name, number in numbers.items() if number is None]
        if unknown:
            bad.add(row.place, "no row of the training data has this label", repr(unknown[0]))
        else:
            known = sorted({number for number in numbers.values() if number is not None})
            examples.append(TextExample(row.text, tuple(known), tokens))
    return examples


def _strata(examples: Sequence[TextExample]) -> list[int]:
    """The rarest label of each row, -1 for none: by it a part of each label is held out."""
    counts = np.bincount([number for one in examples for number in one.labels], minlength=1)
    return [min(one.labels, key=lambda number: counts[number], default=-1) for one in examples]


def _check_enough(
    rows: Sequence[LabelledRow], names: tuple[str, ...], *, multi_label: bool
) -> None:
    if len(rows) < LEAST_ROWS:
        raise DataError(f"there are {len(rows)} rows to train on, at least {LEAST_ROWS} are needed")
    if not multi_label and len(names) < 2:
        raise DataError(f"every row is labelled {names[0]!r}: there is nothing to tell apart")
    if not names:
        raise DataError("no row has a label")
    if len(names) > len(rows) / 2:
        raise DataError(
            f"there are {len(names)} labels in {len(rows)} rows, such as {names[0][:40]!r} and "
            f"{names[-1][:40]!r}: is this the column of the labels?"
        )
