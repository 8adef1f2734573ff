"""Turns templates and lists of fillings into sentences, always the same ones in the same order."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import Any

_ARTICLE = re.compile(r"\b([Aa]) (?=([A-Za-z]+))")
_SOUNDS_OTHERWISE = ("uni", "use", "eu", "one", "ut")
_SENTENCE_START = re.compile(r"(^|[.!?] )([a-z])")


def expand(templates: str | Sequence[str], limit: int, **slots: Sequence[Any]) -> list[Any]:
    """Every template filled with the same fillings, for at most ``limit`` choices of them.

    A slot is written as in `str.format`: ``{noun}``, or ``{thing.noun}`` for an attribute of a
    filling. With one template (a string) the result has strings, with several it has tuples, one
    string for each template. Of more choices than ``limit`` those are taken whose text hashes
    lowest: a fixed draw that does not depend on the order of the fillings.
    """
    several = (templates,) if isinstance(templates, str) else tuple(templates)
    filled: dict[tuple[str, ...], None] = {}
    for choice in itertools.product(*slots.values()):
        named = dict(zip(slots, choice, strict=True))
        filled[tuple(in_writing(each.format(**named)) for each in several)] = None
    chosen = drawn(list(filled), limit)
    return [each[0] for each in chosen] if isinstance(templates, str) else chosen


def drawn(items: Sequence[Any], limit: int) -> list[Any]:
    """At most ``limit`` of ``items``, those whose representation hashes lowest, in their order."""
    if len(items) <= limit:
        return list(items)
    places = sorted(range(len(items)), key=lambda place: number_of(repr(items[place])))
    return [items[place] for place in sorted(places[:limit])]


def number_of(text: str) -> int:
    """A number that depends on the text alone, for fixed draws."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def in_writing(text: str) -> str:
    """``a`` becomes ``an`` before a vowel, and sentences begin with a capital."""
    text = _ARTICLE.sub(_article, text)
    return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)


def _article(match: re.Match[str]) -> str:
    following = match[2].lower()
    vowel = following[0] in "aeiou" and not following.startswith(_SOUNDS_OTHERWISE)
    return f"{match[1]}{'n' if vowel and len(following) > 1 else ''} "
