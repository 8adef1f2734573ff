"""Finds the columns, or JSON fields, that hold text and label."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.own_data.bad_rows import DataError

_SHOWN_NAMES = 20
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, its usual name, other names that are taken where just one is there."""

    what: str
    usual: str
    alternates: tuple[str, ...]
    option: str


TEXT = Column(
    "the text",
    "text",
    ("sentence", "review", "message", "comment", "content", "body", "utterance", "query"),
    "--text-column",
)
LABEL = Column(
    "the label",
    "label",
    ("labels", "category", "class", "sentiment", "topic", "intent", "target", "tag", "tags"),
    "--label-column",
)


def find_column(column: Column, asked: str | None, found: Sequence[str], place: str) -> str:
    """The name in ``found`` that is the column's: as asked, else its usual name, else an alternate.

    Capitals and spaces around a name do not matter. DataError, which lists the names found, if
    there is no such column, or if it would have to be guessed.
    """
    plain = [name.strip().casefold() for name in found]
    for wanted in (asked,) if asked is not None else (column.usual,):
        match [number for number, name in enumerate(plain) if name == wanted.strip().casefold()]:
            case [number]:
                return found[number]
            case [_, _, *_]:
                raise DataError(f"{place}: there are two columns {wanted!r}")
    if asked is None:
        candidates = [
            found[number] for number, name in enumerate(plain) if name in column.alternates
        ]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise DataError(
                f"{place}: {column.what} may be in {_listed(candidates)}: say which with "
                f"{column.option}"
            )
    raise DataError(
        f"{place}: there is no column {(asked or column.usual)!r} for {column.what}, only "
        f"{_listed(found)}: say which it is with {column.option}"
    )


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name[:_SHOWN_CHARACTERS]) for name in names[:_SHOWN_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "") if shown else "none at all"
