"""Decides what is held out for validation, by rules that any reader can apply again.

Question answering is split by whole articles: one article lies in several SQuAD parts under
slightly different titles, and its text in Wikipedia too. A hash of the normalised title gives the
same verdict everywhere, so that the text of a held-out article is nowhere trained on, not even
unlabelled.
"""

import hashlib
import re
from collections.abc import Sequence

HELD_OUT_PER_CENT = 6
UNTITLED = frozenset({"mixed", "nq", "qamr", ""})
_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-zà-ÿ]+")


def normalised_title(title: str) -> str:
    """``New_York_City`` and ``New York City`` are one article: lower case, words, single spaces."""
    return _NOT_ALPHANUMERIC.sub(" ", title.lower()).strip()


def _per_cent(key: str) -> int:
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100


def is_held_out_article(title: str) -> bool:
    """Whether the article of this title belongs to the validation split."""
    name = normalised_title(title)
    return name not in UNTITLED and _per_cent(name) < HELD_OUT_PER_CENT


def mentions_any(text: str, titles: Sequence[str]) -> bool:
    """Whether a paragraph of unknown article names one of the held-out titles.

    Some SQuAD parts come without titles; a paragraph that names a held-out article may be from it.
    """
    words = f" {normalised_title(text)} "
    return any(f" {normalised_title(title)} " in words for title in titles)


def held_out_rows(texts: Sequence[str], count: int) -> set[int]:
    """The ``count`` row numbers whose texts hash lowest: a fixed draw, whatever the file's order.

    Rows with the same text are drawn together, so that no copy of a held-out row is trained on;
    the set may therefore be a few rows larger than ``count``.
    """
    order = sorted(
        {hashlib.blake2b(text.strip().encode(), digest_size=8).digest() for text in texts}
    )
    drawn = set(order[:count])
    return {
        row
        for row, text in enumerate(texts)
        if hashlib.blake2b(text.strip().encode(), digest_size=8).digest() in drawn
    }
