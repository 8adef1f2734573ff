"""What an owner of data should know before it is trained on, though no row of it is wrong."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from training.own_data.labelled_rows import LabelledRow
from training.own_data.validation_split import same_text

FEW_ROWS = 10
"""Rows of a label below which it is said that they are few."""
MOST_ROWS_SHARE = 0.8
"""Share of one label from which on the figures of a model that always says it are good."""
UNKNOWN_SHARE = 0.02
"""Of the tokens; English text has a tenth of that with our own vocabulary."""
_SHOWN = 5


def label_notes(rows: Sequence[LabelledRow], names_of: Sequence[tuple[str, ...]]) -> list[str]:
    """Contradictions, scarce labels, imbalance, spellings; ``names_of`` are the rows' labels."""
    counts = Counter(name for names in names_of for name in names)
    return [
        *_contradictions(rows, names_of),
        *_scarce(counts),
        *_imbalance(counts, len(rows)),
        *_spellings(counts),
    ]


def _contradictions(rows: Sequence[LabelledRow], names_of: Sequence[tuple[str, ...]]) -> list[str]:
    by_text: dict[str, dict[tuple[str, ...], LabelledRow]] = defaultdict(dict)
    for row, names in zip(rows, names_of, strict=True):
        by_text[same_text(row.text)].setdefault(tuple(sorted(names)), row)
    found = [different for different in by_text.values() if len(different) > 1]
    if not found:
        return []
    examples = "; ".join(
        " and ".join(f"{row.place} ({', '.join(names) or 'none'})" for names, row in one.items())
        for one in found[:_SHOWN]
    )
    return [f"{counted(len(found), 'text has', 'texts have')} different labels: {examples}"]


def _scarce(counts: Counter[str]) -> list[str]:
    scarce = sorted((count, name) for name, count in counts.items() if count < FEW_ROWS)
    if not scarce:
        return []
    shown = ", ".join(f"{name!r} ({count})" for count, name in scarce[:_SHOWN])
    more = f" and {len(scarce) - _SHOWN} more" if len(scarce) > _SHOWN else ""
    return [
        f"{counted(len(scarce), 'label has', 'labels have')} fewer than {FEW_ROWS} rows: "
        f"{shown}{more}"
    ]


def _imbalance(counts: Counter[str], rows: int) -> list[str]:
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count < MOST_ROWS_SHARE * rows:
        return []
    return [
        f"{100 * count / rows:.0f} % of the rows are labelled {name!r}: always to say so is right "
        "as often"
    ]


def _spellings(counts: Counter[str]) -> list[str]:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(counts):
        alike[name.casefold()].append(name)
    return [
        f"labels that differ in capitals only, and are trained as different ones: "
        f"{', '.join(repr(name) for name in names)}"
        for names in alike.values()
        if len(names) > 1
    ]


def length_note(texts: Sequence[Sequence[int]], longest: int) -> list[str]:
    """Texts that are cut; ``texts`` are ids without the two special tokens of ``longest``."""
    lengths = [len(ids) + 2 for ids in texts]
    over = sum(length > longest for length in lengths)
    if not over:
        return []
    return [
        f"{counted(over, 'text is', 'texts are')} longer than {longest} tokens, of which the rest "
        f"is not trained on; the longest has {max(lengths):,}"
    ]


def vocabulary_note(texts: Sequence[Sequence[int]], unknown_id: int | None) -> list[str]:
    """Whether the vocabulary fits the language of the texts, which are token ids."""
    unknown = sum(int(np.sum(np.asarray(ids) == unknown_id)) for ids in texts)
    share = unknown / max(1, sum(map(len, texts)))
    if share < UNKNOWN_SHARE:
        return []
    return [
        f"{100 * share:.0f} % of the tokens are unknown to the encoder's vocabulary: it was made "
        "for other text than this, or for another language"
    ]


def overlap_note(training: Sequence[str], validation: Sequence[str]) -> list[str]:
    """Validation texts that are trained on too."""
    known = {same_text(text) for text in training}
    count = sum(same_text(text) in known for text in validation)
    if not count:
        return []
    return [
        f"{counted(count, 'validation text is', 'validation texts are')} also trained on: the "
        "figures flatter the model"
    ]


def counted(number: int, one: str, many: str) -> str:
    """``1 text has``, ``1,200 texts have``."""
    return f"{number:,} {one if number == 1 else many}"
